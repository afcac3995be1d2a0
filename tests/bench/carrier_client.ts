/**
 * One fetch by one of the two gRPC carriers, from a cold start:
 * `carrier_client.ts lean|grpc-js ADDRESS TOKEN RELATIVE_PATH [OBJECT_ID]`.
 * Without an object id it lists the refs. Prints how many bytes came.
 * @module
 */
import { SYSTEM_CLOCK } from "../../src/core/host.ts";
import { Logger } from "../../src/core/log.ts";
import { createGitalyClient } from "../../src/gitaly/gitaly_client.ts";

const LIST_REFS = "0014command=ls-refs\n00000000";

function formatFetch(objectId: string): string {
  const packets = ["command=fetch\n"].map(formatPacket);
  const words = ["no-progress", `want ${objectId}\n`, "done\n"];
  return `${packets.join("")}0001${words.map(formatPacket).join("")}00000000`;
}

function formatPacket(text: string): string {
  return (text.length + 4).toString(16).padStart(4, "0") + text;
}

/** Loads one carrier and not the other. */
async function loadCarrier(name: string) {
  if (name === "grpc-js") {
    return (await import("../../src/gitaly/grpc_js_carrier.ts"))
      .GRPC_JS_CARRIER;
  }
  return (await import("../../src/gitaly/http2/lean_carrier.ts")).LEAN_CARRIER;
}

if (import.meta.main) {
  const [name = "", address = "", token = "", relativePath = "", objectId] =
    Deno.args;
  const client = createGitalyClient({
    carrier: await loadCarrier(name),
    programName: "gitlab-shell",
    env: () => undefined,
  });
  let sizeBytes = 0;
  let input: string | undefined = objectId === undefined
    ? LIST_REFS
    : formatFetch(objectId);
  await client.runPack({ address, token }, {
    service: "upload-pack",
    repository: {
      storageName: "default",
      relativePath,
      gitObjectDirectory: "",
      gitAlternateObjectDirectories: [],
      glRepository: "project-1",
      glProjectPath: "group/project",
    },
    gitConfigOptions: [],
    gitProtocol: "version=2",
    glId: "key-1",
    glRepository: "project-1",
    glUsername: "mira",
  }, {
    io: {
      stdin: {
        read() {
          const bytes = input === undefined
            ? null
            : new TextEncoder().encode(input);
          input = undefined;
          return Promise.resolve(bytes);
        },
      },
      stdout: {
        write(bytes) {
          sizeBytes += bytes.length;
          return Promise.resolve();
        },
      },
      stderr: { write: () => Promise.resolve() },
    },
    metadata: [],
    log: new Logger({
      sink: { writeLine: () => {} },
      clock: SYSTEM_CLOCK,
      threshold: Infinity,
      format: "json",
    }),
    clock: SYSTEM_CLOCK,
    signal: new AbortController().signal,
  });
  console.log(sizeBytes);
  Deno.exit(0);
}
