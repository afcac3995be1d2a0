import { assertAlmostEquals, assertEquals } from "@std/assert";
import { evaluate, parseScrape } from "../support/prom_query.ts";

const before = parseScrape(
  'a_total{code="200"} 10\na_total{code="500"} 0\nh_bucket{le="1"} 0\nh_bucket{le="2"} 0\nh_bucket{le="+Inf"} 0\n',
  0,
);
const now = parseScrape(
  '# HELP a_total x\na_total{code="200"} 30\na_total{code="500"} 4\ng 7\nh_bucket{le="1"} 5\nh_bucket{le="2"} 10\nh_bucket{le="+Inf"} 10\n',
  2,
);
const RATE = 'rate(a_total{job=~"$job"}[$__rate_interval])';

Deno.test("evaluate() knows what the dashboard asks", () => {
  assertEquals([...evaluate(`sum (${RATE})`, before, now)], [["", 12]]);
  assertEquals([...evaluate(`sum by (code) (${RATE})`, before, now)], [
    ["200", 10],
    ["500", 2],
  ]);
  assertEquals(evaluate("g", before, now).get(""), 7);
  const share = `sum (${RATE}) / sum (${RATE})`;
  assertEquals(evaluate(share, before, now).get(""), 1);
  const quantile = (q: number) =>
    evaluate(
      `histogram_quantile(${q}, sum by (le) (rate(h_bucket[$__rate_interval])))`,
      before,
      now,
    ).get("") ?? NaN;
  assertAlmostEquals(quantile(0.5), 1);
  assertAlmostEquals(quantile(0.75), 1.5);
});
