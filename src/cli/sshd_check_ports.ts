/**
 * Whether the addresses of gitlab-sshd can be listened on. One that is in use
 * by a gitlab-sshd which runs is in order: the check may come before a reload.
 * @module
 */
import type { Config } from "../config/config.ts";
import { errorText } from "../core/errors.ts";
import {
  formatListenAddress,
  type ListenAddress,
  parseListenAddress,
} from "../ssh/listen_address.ts";
import { openListener } from "../ssh/listener.ts";
import {
  type Check,
  failed,
  type Finding,
  ok,
  skipped,
  timed,
  warning,
} from "./doctor_report.ts";

/** How long whoever is there may take to say who it is. */
const PROBE_MS = 2_000;
const SSH_IDENT = "SSH-2.0-GitLab-SSHD";
const HTTP_QUESTION = "GET / HTTP/1.0\r\n\r\n";

/** Checks `sshd.listen` and `sshd.web_listen`. */
export async function* checkPorts({ sshd }: Config): AsyncGenerator<Check> {
  let isRunning = false;
  yield await timed("listen", async () => {
    const finding = await judge("sshd.listen", sshd.listen, async (address) => {
      isRunning = (await hear(address, "")).startsWith(SSH_IDENT);
      return isRunning;
    });
    return finding;
  });
  yield await timed("web_listen", async () => {
    if (sshd.webListen === "") return skipped("sshd.web_listen is empty");
    const { readinessProbe, livenessProbe } = sshd;
    if (
      readinessProbe === livenessProbe || !readinessProbe || !livenessProbe
    ) {
      return failed(
        "readiness_probe and liveness_probe must be two paths",
        "leave both out to have /start and /health",
      );
    }
    return await judge("sshd.web_listen", sshd.webListen, async (address) =>
      // Whoever else speaks HTTP has no reason to stand beside our server.
      isRunning && (await hear(address, HTTP_QUESTION)).startsWith("HTTP/"));
  });
}

async function judge(
  setting: string,
  text: string,
  isOurs: (address: ListenAddress) => Promise<boolean>,
): Promise<Finding> {
  let address: ListenAddress;
  try {
    address = parseListenAddress(text);
    openListener(address).close();
    return ok(`${setting}: ${text} can be listened on`);
  } catch (error) {
    const fault = `${setting}: ${errorText(error)}`;
    if (!(error instanceof Error && isBusy(error))) {
      return failed(
        fault,
        `write ${setting} as address:port of this machine; a port below 1024 ` +
          "needs root or CAP_NET_BIND_SERVICE",
      );
    }
    address = parseListenAddress(text);
    return await isOurs(address)
      ? warning(
        `${setting}: ${formatListenAddress(address)} is in use, ` +
          "by a gitlab-sshd that runs",
        "nothing, if it is to be reloaded or replaced",
      )
      : failed(fault, "end the program that has it, or choose another");
  }
}

function isBusy({ cause }: Error): boolean {
  return cause instanceof Deno.errors.AddrInUse;
}

/** What is said first by whoever listens; nothing if nobody does in time. */
async function hear(
  { hostname, port }: ListenAddress,
  question: string,
): Promise<string> {
  const isAny = hostname === "" || hostname === "::" || hostname === "0.0.0.0";
  let tcp: Deno.TcpConn | undefined;
  const timer = setTimeout(() => tcp?.close(), PROBE_MS);
  try {
    tcp = await Deno.connect({
      hostname: isAny ? "localhost" : hostname,
      port,
    });
    if (question !== "") await tcp.write(new TextEncoder().encode(question));
    const target = new Uint8Array(256);
    const count = await tcp.read(target) ?? 0;
    return new TextDecoder().decode(target.subarray(0, count));
  } catch {
    return "";
  } finally {
    clearTimeout(timer);
    try {
      tcp?.close();
    } catch {
      // Closed by the timer.
    }
  }
}
