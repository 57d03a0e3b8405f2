-- A Tuesday at the shop: sqlite3 shop.db < tuesday.sql
-- Prices were wrong: 150,000 lines change, enough work for a run to be killed in the middle of.
BEGIN IMMEDIATE;
CREATE TEMP TABLE tuesday AS SELECT datetime('now') AS now;
UPDATE order_items SET unit_price = round(unit_price * 1.02, 2), updated_at = (SELECT now FROM tuesday) WHERE order_id % 11 < 6;
UPDATE orders SET status = 'repriced', updated_at = (SELECT now FROM tuesday) WHERE id % 11 < 6;
INSERT INTO payments (order_id, method, amount, reference, paid_at)
  SELECT order_id, 'card', round(amount * 0.02, 2), NULL, (SELECT now FROM tuesday) FROM payments WHERE order_id % 11 < 6;
COMMIT;
