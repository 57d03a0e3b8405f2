-- A small shop, and the rights that waybill needs: to read its tables, and to see (not to touch) other sessions' open transactions.
CREATE DATABASE shop CHARACTER SET utf8mb4;
USE shop;
CREATE USER etl@'127.0.0.1' IDENTIFIED BY 'example-etl';
GRANT SELECT ON shop.* TO etl@'127.0.0.1';
GRANT PROCESS, REPLICATION CLIENT, SLAVE MONITOR ON *.* TO etl@'127.0.0.1';

CREATE TABLE customers (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60) NOT NULL, city VARCHAR(40),
  updated_at DATETIME(3) NOT NULL DEFAULT NOW(3) ON UPDATE NOW(3), KEY (updated_at));
CREATE TABLE orders (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, customer_id INT NOT NULL, total DECIMAL(12,2) NOT NULL, status ENUM('new', 'paid', 'sent') NOT NULL,
  placed_on DATE NOT NULL, updated_at TIMESTAMP NOT NULL DEFAULT NOW() ON UPDATE NOW(), KEY (updated_at));
CREATE TABLE events (id BIGINT AUTO_INCREMENT PRIMARY KEY, customer_id INT NOT NULL, kind VARCHAR(20) NOT NULL, at DATETIME NOT NULL DEFAULT NOW());

INSERT INTO customers (name, city, updated_at) SELECT CONCAT('customer ', seq), ELT(1 + seq % 4, 'Köln', 'Łódź', 'Malmö', NULL), NOW() - INTERVAL 1 DAY FROM seq_1_to_20000;
INSERT INTO orders (customer_id, total, status, placed_on, updated_at)
  SELECT 1 + seq * 7919 % 20000, seq % 100000 / 100, 1 + seq % 3, CURDATE() - INTERVAL seq % 700 DAY, NOW() - INTERVAL 1 DAY FROM seq_1_to_200000;
INSERT INTO events (customer_id, kind) SELECT 1 + seq * 31 % 20000, ELT(1 + seq % 3, 'seen', 'clicked', 'bought') FROM seq_1_to_100000;
