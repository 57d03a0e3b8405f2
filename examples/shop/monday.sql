-- A Monday at the shop: sqlite3 shop.db < monday.sql
-- New customers, orders, lines and payments; orders that change; a category that is renamed and one that is closed.
BEGIN IMMEDIATE;
CREATE TEMP TABLE monday AS SELECT datetime('now') AS now, (SELECT max(id) FROM orders) AS orders, (SELECT max(id) FROM customers) AS customers;

INSERT INTO customers
  SELECT c.id + m.customers, 'new.' || c.email, c.first_name, c.last_name, c.city, c.country, 1, m.now, m.now
  FROM customers c, monday m WHERE c.id <= 500;
INSERT INTO orders
  SELECT o.id + m.orders, o.customer_id, 'open', o.currency, date(m.now, '+3 days'), NULL, m.now, m.now
  FROM orders o, monday m WHERE o.id <= 3000;
INSERT INTO order_items
  SELECT i.order_id + m.orders, i.line, i.product_id, i.quantity, i.unit_price, m.now
  FROM order_items i, monday m WHERE i.order_id <= 3000;
INSERT INTO payments (order_id, method, amount, reference, paid_at)
  SELECT p.order_id + m.orders, p.method, p.amount, p.reference, m.now FROM payments p, monday m WHERE p.order_id <= 3000;

-- One statement, 20,000 rows, one stamp: ties far over any page.
UPDATE orders SET status = 'archived', note = NULL, updated_at = (SELECT now FROM monday)
  WHERE id IN (SELECT id FROM orders WHERE status = 'delivered' ORDER BY id LIMIT 20000);
UPDATE products SET price = round(price * 0.9, 2), updated_at = (SELECT now FROM monday) WHERE category_id = 7;
UPDATE categories SET name = 'seasonal' WHERE id = 40;
DELETE FROM categories WHERE id = 39;
COMMIT;
