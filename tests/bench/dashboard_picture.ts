/**
 * `deno run --allow-all tests/bench/dashboard_picture.ts [seconds]`: puts
 * gitlab-sshd of `dist/` under a load of real git over real ssh, asks it for
 * its metrics once a second, evaluates the queries of the Grafana dashboard on
 * them, and draws `docs/gitlab-sshd-load.svg`.
 * @module
 */
import { SAMPLE } from "../../src/devstack/sample.ts";
import { startDevstack } from "../../src/devstack/stack.ts";
import { programPath } from "../support/dist.ts";
import { findFreePort } from "../support/openssh_server.ts";
import { evaluate, parseScrape, type Scrape } from "../support/prom_query.ts";
import { makeTempDir } from "../support/temp_dir.ts";

const ROOT = new URL("../../", import.meta.url);
const DASHBOARD = new URL("docs/grafana-gitlab-sshd.json", ROOT);
const PICTURE = new URL("docs/gitlab-sshd-load.svg", ROOT);
const SECONDS = Number(Deno.args[0] ?? "60");
/** Seconds over which a rate is taken. */
const RATE_SECONDS = 5;
/** Clients at one time, by a third of the run. */
const CLIENTS = [2, 8, 4] as const;
const COLORS = [
  "#3274d9",
  "#e0752d",
  "#56a64b",
  "#a352cc",
  "#e02f44",
  "#8f8f8f",
];
const CELL = { width: 320, height: 150 } as const;

interface Panel {
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number };
  readonly fieldConfig: { readonly defaults: { readonly unit: string } };
  readonly targets: readonly {
    readonly expr: string;
    readonly legendFormat: string;
  }[];
}

/** One line of a panel. */
interface Line {
  readonly name: string;
  readonly values: readonly number[];
}

const panels: readonly Panel[] =
  JSON.parse(await Deno.readTextFile(DASHBOARD)).panels;
const scrapes = await runLoad();
await Deno.writeTextFile(PICTURE, drawDashboard());
console.log(`${scrapes.length} scrapes, drawn into ${PICTURE.pathname}`);

/** Runs the load and keeps what was scraped. */
async function runLoad(): Promise<Scrape[]> {
  using folder = makeTempDir();
  const home = folder.path;
  for (const name of ["host", "id"]) {
    await run("ssh-keygen", [
      "-q",
      "-t",
      "ed25519",
      "-N",
      "",
      "-f",
      `${home}/${name}`,
    ]);
  }
  const publicKey = (await Deno.readTextFile(`${home}/id.pub`)).trim();
  await using stack = await startDevstack({
    keys: [{ id: 1, type: "key", publicKey, userId: SAMPLE.userId }],
  });
  const [port, webPort] = [findFreePort(), findFreePort()];
  await Deno.writeTextFile(
    `${home}/config.yml`,
    `gitlab_url: ${JSON.stringify(stack.apiUrl)}\n` +
      `secret_file: ${stack.shellRoot.secretFile}\nlog_file: ${home}/log\n` +
      `sshd:\n  listen: "127.0.0.1:${port}"\n` +
      `  web_listen: "127.0.0.1:${webPort}"\n  host_key_files: [${home}/host]\n`,
  );
  const server = new Deno.Command(programPath("gitlab-sshd"), {
    args: ["-config-dir", home],
    stderr: "inherit",
  }).spawn();
  try {
    const web = `http://127.0.0.1:${webPort}`;
    await untilReady(`${web}/start`);
    const end = performance.now() + SECONDS * 1_000;
    const clients = Promise.all(
      Array.from(
        { length: Math.max(...CLIENTS) },
        (_, index) => runClient(index, { home, port, end }),
      ),
    );
    const kept = await scrape(`${web}/metrics`, end);
    await clients;
    return kept;
  } finally {
    server.kill("SIGTERM");
    await server.status;
  }
}

/** Fetches, and now and then something that is refused, for as long as told. */
async function runClient(
  index: number,
  { home, port, end }: { home: string; port: number; end: number },
): Promise<void> {
  const url = `ssh://git@127.0.0.1:${port}/`;
  const env = {
    HOME: home,
    GIT_SSH_COMMAND: `ssh -F none -i ${home}/id -o IdentitiesOnly=yes ` +
      "-o BatchMode=yes -o StrictHostKeyChecking=no " +
      "-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
  };
  for (let count = 0; performance.now() < end; count++) {
    const part = Math.floor(
      3 * (1 - (end - performance.now()) / (SECONDS * 1_000)),
    );
    if (index >= (CLIENTS[part] ?? 1)) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      continue;
    }
    const project = count % 10 === 9 ? SAMPLE.privateProject : SAMPLE.project;
    const copy = `${home}/copy-${index}`;
    await run("git", ["clone", "-q", `${url}${project}.git`, copy], env);
    await Deno.remove(copy, { recursive: true }).catch(() => {});
  }
}

async function scrape(url: string, end: number): Promise<Scrape[]> {
  const kept: Scrape[] = [];
  const startMs = performance.now();
  while (performance.now() < end) {
    const text = await (await fetch(url)).text();
    kept.push(parseScrape(text, (performance.now() - startMs) / 1_000));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  return kept;
}

async function untilReady(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("gitlab-sshd does not get ready");
}

async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  await new Deno.Command(command, {
    args: [...args],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
}

function drawDashboard(): string {
  const columns = 3;
  const rows = Math.ceil(panels.length / columns);
  const cells = panels.map((panel, index) => {
    const x = index % columns * CELL.width;
    const y = Math.floor(index / columns) * CELL.height;
    return `<g transform="translate(${x} ${y + 30})">${drawPanel(panel)}</g>`;
  });
  const [width, height] = [columns * CELL.width, rows * CELL.height + 30];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="10">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="10" y="20" font-size="13">gitlab-sshd: ${SECONDS} s of clones by ${
    CLIENTS.join(", then ")
  } clients at a time, every tenth of a project that is denied</text>
${cells.join("\n")}
</svg>
`;
}

function drawPanel(panel: Panel): string {
  const lines = panel.targets.flatMap(readLines);
  const all = lines.flatMap(({ values }) => values).filter(Number.isFinite);
  const top = Math.max(...all, 0) || 1;
  const [left, width, base, height] = [10, CELL.width - 30, 110, 85];
  const paths = lines.map(({ values }, index) => {
    const points = values.flatMap((value, at) => {
      if (!Number.isFinite(value)) return [];
      const x = left + at / Math.max(values.length - 1, 1) * width;
      return [`${x.toFixed(1)},${(base - value / top * height).toFixed(1)}`];
    });
    return `<polyline points="${points.join(" ")}" fill="none" stroke="${
      COLORS[index % COLORS.length]
    }" stroke-width="1.2"/>`;
  });
  const legend = lines.slice(0, COLORS.length).map(({ name }, index) =>
    `<tspan fill="${COLORS[index]}">${escape(name)}  </tspan>`
  );
  const unit = panel.fieldConfig.defaults.unit;
  return `<text x="10" y="14" font-weight="bold">${
    escape(panel.title)
  }</text>` +
    `<text x="${CELL.width - 20}" y="14" text-anchor="end" fill="#666">${
      formatValue(top, unit)
    }</text>` +
    `<line x1="10" y1="${base}" x2="${
      CELL.width - 20
    }" y2="${base}" stroke="#ccc"/>` +
    paths.join("") +
    `<text x="10" y="124" xml:space="preserve">${legend.join("")}</text>`;
}

/** One line for each set of labels that ever was. */
function readLines({ expr, legendFormat }: Panel["targets"][number]): Line[] {
  const moments = scrapes.slice(RATE_SECONDS).map((now, at) => {
    const before = scrapes[at];
    return before ? evaluate(expr, before, now) : new Map<string, number>();
  });
  const keys = new Set(moments.flatMap((values) => [...values.keys()]));
  return [...keys].map((key) => ({
    name: legendFormat.includes("{{") ? key || "127.0.0.1" : legendFormat,
    values: moments.map((values) => values.get(key) ?? NaN),
  }));
}

function formatValue(value: number, unit: string): string {
  if (unit === "s") {
    return value < 1
      ? `${(value * 1_000).toPrecision(3)} ms`
      : `${value.toPrecision(3)} s`;
  }
  if (unit === "percentunit") return `${Math.round(value * 100)} %`;
  if (unit === "bytes" || unit === "Bps") {
    const size = `${(value / 2 ** 20).toPrecision(3)} MiB`;
    return unit === "Bps" ? `${size}/s` : size;
  }
  return `${Number(value.toPrecision(3))}${unit === "short" ? "" : "/s"}`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
