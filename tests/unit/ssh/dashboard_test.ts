import { assert, assertEquals } from "@std/assert";
import { watchEventLoop } from "../../../src/core/event_loop_delay.ts";
import { makeProcessMetrics } from "../../../src/ssh/process_metrics.ts";
import { ServerMetrics } from "../../../src/ssh/server_metrics.ts";

const FILE = new URL("../../../docs/grafana-gitlab-sshd.json", import.meta.url);
/** A metric and the label names that stand near it. */
const METRIC = /([a-z_]+(?::[a-z_]+)*)\{/g;

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets: readonly { readonly expr: string }[];
}

const dashboard: { readonly panels: readonly Panel[] } = JSON.parse(
  await Deno.readTextFile(FILE),
);

/** Names and labels of all that gitlab-sshd reports. */
function reported(): Map<string, readonly string[]> {
  const { registry } = new ServerMetrics();
  const stop = watchEventLoop(registry, "gitlab_shell_sshd", {
    monotonicMs: () => 0,
    cpuMs: () => 0,
  });
  stop();
  const build = { version: "v1", buildTime: "19700101.000000" };
  const families = [
    ...registry.families(),
    ...makeProcessMetrics(build).families(),
  ];
  return new Map(families.flatMap(({ name, type, labelNames }) => {
    const names = type === "histogram"
      ? ["_bucket", "_sum", "_count"].map((ending) => name + ending)
      : [name];
    return names.map((one): [string, readonly string[]] => [one, labelNames]);
  }));
}

Deno.test("the dashboard asks for metrics and labels that gitlab-sshd has", () => {
  const known = reported();
  const asked = new Set<string>();
  for (const { title, targets } of dashboard.panels) {
    assert(targets.length > 0, title);
    for (const { expr } of targets) {
      const names = [...expr.matchAll(METRIC)].map(([, name = ""]) => name);
      assert(names.length > 0, expr);
      for (const name of names) {
        assert(known.has(name), `${title}: ${name}`);
        asked.add(name.replace(/_(bucket|sum|count)$/, ""));
      }
      const [, by = ""] = /by \(([^)]*)\)/.exec(expr) ?? [];
      for (const label of by.split(", ").filter((one) => one !== "")) {
        const isOurs = names.some((name) => known.get(name)?.includes(label));
        assert(isOurs || ["le", "instance"].includes(label), expr);
      }
    }
  }
  // Every name of the reference is on it but the Topology Service's.
  for (const name of ["sessions:total", "connections:errors_total"]) {
    assert(asked.has(`gitlab_sli:shell_sshd_${name}`), name);
  }
});

Deno.test("the panels of the dashboard have ids of their own and do not overlap", () => {
  const { panels } = dashboard;
  assertEquals(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const one of panels) {
    assert(one.gridPos.x + one.gridPos.w <= 24, one.title);
    for (const other of panels) {
      if (one === other) continue;
      const [a, b] = [one.gridPos, other.gridPos];
      const isApart = a.x + a.w <= b.x || b.x + b.w <= a.x ||
        a.y + a.h <= b.y || b.y + b.h <= a.y;
      assert(isApart, `${one.title} lies over ${other.title}`);
    }
  }
});
