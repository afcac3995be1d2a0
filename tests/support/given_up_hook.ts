/**
 * Code for the middle of a program that tries, moment by moment, what a
 * program that was taken over might try.
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Authority } from "../../src/core/host.ts";

/** What each kind of authority is needed for; `TZ` is set to something. */
const ATTEMPTS: Readonly<
  Record<Authority, Readonly<Record<string, string>>>
> = {
  env: { "read a variable": `if (!Deno.env.get("TZ")) throw refused` },
  files: {
    "read a file": `Deno.readTextFileSync(place + "/secret")`,
    "list a folder": `[...Deno.readDirSync(place)]`,
    "write a file": `Deno.writeTextFileSync(place + "/left", "")`,
    "remove a file": `Deno.removeSync(place + "/left")`,
    "open the log again": `Deno.openSync(place + "/log", { append: true })`,
  },
  net: {
    "connect elsewhere":
      `await connect({ hostname: "127.0.0.1", port: elsewhere })`,
    "listen": `listen({ hostname: "127.0.0.1", port: 0 }).close()`,
    "send to anybody":
      `await fetch("http://127.0.0.1:" + elsewhere, { signal: AbortSignal.timeout(1) })
         .catch((error) => { if (error.name !== "TimeoutError") throw error; })`,
  },
};
/** Refused from the first moment on. */
const NEVER: Readonly<Record<string, string>> = {
  "ask for the network":
    `if (Deno.permissions.requestSync({ name: "net" }).state !== "granted")
       throw refused`,
  "ask for files":
    `if (Deno.permissions.requestSync({ name: "read" }).state !== "granted")
       throw refused`,
};
/** Name of the error with which Deno refuses. */
const REFUSED = "NotCapable";
/** What the line begins with that tells what came of it, on standard error. */
export const MARK = "given-up ";

/**
 * Moments: `start`; `answer`, when the first bytes come on the first connection;
 * `parsed`, when JSON of it is read; `input`, when standard input is asked for;
 * `output`, when something is printed; `accepted`,
 * when a server has a client. Each attempt is made once a moment.
 */
export function hookCode(place: string, elsewhere: number): string {
  const attempts = Object.values(ATTEMPTS)
    .flatMap((named) => Object.entries(named));
  const tried = attempts.map(([name, code]) =>
    `tried.push(attempt(moment, ${
      JSON.stringify(name)
    }, async () => {${code}}));`
  );
  return `
const place = ${JSON.stringify(place)}, elsewhere = ${elsewhere};
const refused = { name: ${JSON.stringify(REFUSED)} };
const connect = Deno.connect, outcome = {};
let isAnswered = false, count = 0;
async function attempt(moment, name, act) {
  outcome[moment][name] = "unfinished";
  try { await act(); outcome[moment][name] = "done"; }
  catch (error) { outcome[moment][name] = error?.name + ""; }
}
const probes = [];
function probe(moment) {
  if (!outcome[moment]) probes.push(tryAll(moment));
  return Promise.all(probes);
}
async function tryAll(moment) {
  outcome[moment] = {};
  const tried = [];
  ${tried.join("\n")}
  ${
    Object.entries(NEVER).map(([name, code]) =>
      `tried.push(attempt(moment, ${
        JSON.stringify(name)
      }, async () => {${code}}));`
    ).join("\n")
  }
  await Promise.all(tried);
}
Deno.connect = async (...to) => {
  if (count === 0) await probe("start");
  const connection = await connect(...to);
  return count++ > 0 ? connection : watch(connection);
};
const { startTls } = Deno;
Deno.startTls = async (...to) => watch(await startTls(...to));
function watch(connection) {
  const read = connection.read.bind(connection);
  connection.read = async (buffer) => {
    const size = await read(buffer);
    isAnswered = true;
    await probe("answer");
    return size;
  };
  return connection;
}
const { parse } = JSON;
JSON.parse = (...text) => { if (isAnswered) probe("parsed"); return parse(...text); };
const read = Deno.stdin.read.bind(Deno.stdin);
Deno.stdin.read = async (buffer) => { await probe("input"); return await read(buffer); };
for (const name of ["write", "writeSync"]) {
  const write = Deno.stdout[name].bind(Deno.stdout);
  Deno.stdout[name] = (bytes) => { probe("output"); return write(bytes); };
}
const { listen } = Deno;
Deno.listen = (...where) => {
  const listener = listen(...where), accept = listener.accept.bind(listener);
  listener.accept = async () => {
    const connection = await accept();
    isAnswered = true;
    await probe("accepted");
    Deno.stderr.writeSync(new TextEncoder().encode(
      JSON.stringify({ msg: "given up", ...outcome }) + "\\n"));
    return connection;
  };
  return listener;
};
const exit = Deno.exit;
Deno.exit = (status) => void Promise.all(probes).then(() => {
  Deno.stderr.writeSync(new TextEncoder().encode(
    "\\n${MARK}" + JSON.stringify(outcome) + "\\n"));
  exit(status);
});
`;
}

/** What is asked for, by the attempt to be given it again. */
const NEVER_FOR: Readonly<Record<string, Authority>> = {
  "ask for the network": "net",
  "ask for files": "files",
};
/** What every attempt must come to while `gone` has been given up. */
function expected(gone: readonly Authority[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(ATTEMPTS).flatMap(([authority, attempts]) =>
      Object.keys(attempts).map((name) => [
        name,
        gone.includes(authority as Authority) ? REFUSED : "done",
      ])
    ),
  );
}

/** Asserts that of all attempts of a moment those fail that must, and no others. */
export function assertGone(
  moment: string,
  found: Readonly<Record<string, string>>,
  gone: readonly Authority[],
): void {
  const tried = Object.entries(found).filter(([name]) => !(name in NEVER));
  assertEquals(
    [moment, Object.fromEntries(tried)],
    [moment, expected(gone)],
  );
  for (const [name, authority] of Object.entries(NEVER_FOR)) {
    if (gone.includes(authority)) {
      assertEquals([moment, name, found[name]], [moment, name, REFUSED]);
    }
  }
}
