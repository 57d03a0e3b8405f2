-- A shop of about 500,000 rows, made by the sqlite3 shell alone: sqlite3 shop.db < shop.sql
-- Nothing is random: a row's values follow from its id, so two shops made at the same second are equal.
-- Every stamp lies in the past (the last one a day ago), as in a shop that has been open for two years.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
BEGIN;

CREATE TABLE customers (
  id INTEGER PRIMARY KEY, email TEXT NOT NULL, first_name TEXT NOT NULL, last_name TEXT NOT NULL, city TEXT,
  country TEXT NOT NULL, newsletter BOOLEAN NOT NULL, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL);
CREATE TABLE categories (id INTEGER PRIMARY KEY, name TEXT NOT NULL, parent_id INTEGER REFERENCES categories (id));
CREATE TABLE products (
  id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, name TEXT NOT NULL, category_id INTEGER NOT NULL REFERENCES categories (id),
  price DECIMAL(10,2) NOT NULL, weight_kg REAL, thumbnail BLOB, discontinued BOOLEAN NOT NULL, updated_at DATETIME NOT NULL);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id), status TEXT NOT NULL, currency TEXT NOT NULL,
  ship_by DATE, note TEXT, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL);
CREATE TABLE order_items (
  order_id INTEGER NOT NULL REFERENCES orders (id), line INTEGER NOT NULL, product_id INTEGER NOT NULL REFERENCES products (id),
  quantity INTEGER NOT NULL, unit_price DECIMAL(10,2) NOT NULL, updated_at DATETIME NOT NULL, PRIMARY KEY (order_id, line));
-- A journal: rows are added and never changed.
CREATE TABLE payments (
  id INTEGER PRIMARY KEY AUTOINCREMENT, order_id INTEGER NOT NULL REFERENCES orders (id), method TEXT NOT NULL,
  amount DECIMAL(10,2) NOT NULL, reference TEXT, paid_at DATETIME NOT NULL);

CREATE TEMP TABLE opened AS SELECT unixepoch('now', '-731 days') AS at;
CREATE TEMP TABLE first_names AS SELECT key AS n, value AS name FROM json_each(
  '["Ada","Amélie","Björn","Carmen","Chidi","Dmitri","Elif","Fatima","Giulia","Hana","Ivan","Jürgen","Kenji","Léa","Łukasz","Mei","Noor","Olga","Paulo","Quynh","Rosa","Søren","Tariq","Uma","Věra","Wanjiru","Xiulan","Yusuf","Zoë"]');
CREATE TEMP TABLE last_names AS SELECT key AS n, value AS name FROM json_each(
  '["Adeyemi","Bauer","Costa","D''Angelo","Eriksson","Fernández","García","Haddad","Ivanova","Jansen","Kowalski","Lindqvist","Müller","Nguyễn","O''Brien","Petrov","Quispe","Rossi","Sato","Tanaka","Ünal","Vermeulen","Wójcik","Xu","Yılmaz","Zimmermann","李","山田"]');
CREATE TEMP TABLE cities AS SELECT key AS n, value ->> 0 AS city, value ->> 1 AS country FROM json_each(
  '[["Berlin","DE"],["München","DE"],["Lyon","FR"],["Marseille","FR"],["Kraków","PL"],["Porto","PT"],["Sevilla","ES"],["Malmö","SE"],["İzmir","TR"],["大阪","JP"],["São Paulo","BR"],["Lagos","NG"],["Oslo","NO"],[null,"US"]]');
CREATE TEMP TABLE things AS SELECT key AS n, value AS name FROM json_each(
  '["kettle","lamp","notebook","backpack","desk","chair","rucksack","mug","scarf","clock","tent","bicycle bell","frying pan","headphones","keyboard","wool blanket"]');
CREATE TEMP TABLE looks AS SELECT key AS n, value AS name FROM json_each(
  '["small","large","red","blue","oak","steel","linen","folding","vintage","recycled","3\" wide","half-price"]');

INSERT INTO customers
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
  SELECT i, lower(replace(f.name || '.' || l.name, '''', '')) || i || '@example.org', f.name, l.name, c.city, c.country, i % 3 = 0,
         datetime(o.at + i * 1500, 'unixepoch'), datetime(o.at + i * 1500 + (i * 7919) % 2000000, 'unixepoch')
  FROM n, opened o
  JOIN first_names f ON f.n = (i * 31) % 29 JOIN last_names l ON l.n = (i * 17 + i / 29) % 28 JOIN cities c ON c.n = (i * 13) % 14;

INSERT INTO categories
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
  SELECT i, CASE WHEN i <= 16 THEN t.name || 's' ELSE l.name || ' ' || t.name || 's' END, CASE WHEN i > 16 THEN 1 + i % 16 END
  FROM n JOIN things t ON t.n = (i - 1) % 16 JOIN looks l ON l.n = i % 12;

-- A category is imported in one night: every product of it has the same stamp.
INSERT INTO products
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
  SELECT i, char(65 + i % 26, 65 + i / 26 % 26) || printf('-%06d', i), l.name || ' ' || t.name, 1 + i % 40, round(1.99 + (i * 7919) % 30000 / 100.0, 2),
         CASE WHEN i % 9 THEN (i * 37) % 12000 / 1000.0 END,
         CASE WHEN i % 5 = 0 THEN cast(x'89504e470d0a1a0a00' || printf('%0*d', 1 + i % 200, i) AS BLOB) END,
         i % 50 = 0, datetime(o.at + (i % 40) * 1000000, 'unixepoch')
  FROM n, opened o JOIN things t ON t.n = i % 16 JOIN looks l ON l.n = (i * 5) % 12;

INSERT INTO orders
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 110000)
  SELECT i, 1 + (i * 7919) % 40000,
         CASE WHEN i % 17 = 0 THEN 'cancelled' WHEN i % 23 = 0 THEN 'returned' ELSE 'delivered' END,
         CASE i % 5 WHEN 0 THEN 'USD' WHEN 1 THEN 'SEK' ELSE 'EUR' END, CASE WHEN i % 4 THEN date(o.at + i * 570 + 172800, 'unixepoch') END,
         CASE WHEN i % 11 = 0 THEN 'please leave it with the neighbour,' || char(10) || 'thank you' WHEN i % 13 = 0 THEN '' END,
         datetime(o.at + i * 570, 'unixepoch'), datetime(o.at + i * 570 + (i * 104729) % 300000, 'unixepoch')
  FROM n, opened o;

INSERT INTO order_items
  WITH lines(line) AS (VALUES (1), (2), (3), (4))
  SELECT o.id, line, 1 + (o.id * 31 + line * 1009) % 4000, 1 + (o.id + line) % 3, p.price, o.updated_at
  FROM orders o JOIN lines ON line <= 1 + (o.id * 7919 / 11) % 4 JOIN products p ON p.id = 1 + (o.id * 31 + line * 1009) % 4000;

INSERT INTO payments (order_id, method, amount, reference, paid_at)
  SELECT o.id, CASE o.id % 4 WHEN 0 THEN 'card' WHEN 1 THEN 'invoice' WHEN 2 THEN 'swish' ELSE 'paypal' END,
         round(sum(i.quantity * i.unit_price), 2), CASE WHEN o.id % 7 THEN printf('%08x', o.id * 2654435761 % 4294967296) END, o.created_at
  FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.status <> 'cancelled' GROUP BY o.id ORDER BY o.id;

CREATE INDEX customers_updated_at ON customers (updated_at);
CREATE INDEX products_updated_at ON products (updated_at);
CREATE INDEX orders_updated_at ON orders (updated_at);
CREATE INDEX order_items_updated_at ON order_items (updated_at);
COMMIT;
