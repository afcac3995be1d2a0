/**
 * Doctor on host keys: those that gitlab-sshd is configured with, each named.
 * OpenSSH's are its own affair: it does not start with bad ones.
 * @module
 */
import type { Config } from "../config/config.ts";
import { CONFIG_KEYS } from "../config/config_keys.ts";
import { errorText } from "../core/errors.ts";
import {
  type Check,
  failed,
  type Finding,
  ok,
  skipped,
  timed,
  warning,
} from "./doctor_report.ts";

const OTHERS = 0o077;

/** Checks every file of `sshd.host_key_files`. */
export async function* checkHostKeys(
  { sshd: { hostKeyFiles } }: Config,
): AsyncGenerator<Check> {
  const usable: string[] = [];
  if (isDefault(hostKeyFiles) && !hostKeyFiles.some(exists)) {
    yield await timed(
      "host_keys",
      () => skipped("gitlab-sshd is not set up here: no host keys of its own"),
    );
    return;
  }
  const { parseHostKey } = await import("../ssh/host_keys.ts");
  for (const file of hostKeyFiles) {
    yield await timed("host_keys", () => {
      const finding = judgeHostKey(file, parseHostKey);
      if (finding.result !== "failed") usable.push(file);
      return finding;
    });
  }
  if (usable.length > 0) return;
  yield await timed("host_keys", () =>
    failed(
      "gitlab-sshd has no usable host key and will not start",
      "ssh-keygen -t ed25519 -N '' -f <file>, named in sshd.host_key_files",
    ));
}

function judgeHostKey(
  file: string,
  parse: (text: string) => { readonly type: string },
): Finding {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (error) {
    // The others are used, so this one is only missed.
    return failed(
      `${file}: ${errorText(error).split(" (os error")[0]}`,
      "gitlab-sshd skips it: correct or remove it in sshd.host_key_files",
    );
  }
  let type: string;
  try {
    ({ type } = parse(text));
  } catch (error) {
    return failed(
      `${file}: ${errorText(error)}`,
      "it must be a private key without passphrase",
    );
  }
  const mode = Deno.statSync(file).mode ?? 0;
  return (mode & OTHERS) === 0
    ? ok(`${file} is ${type}`)
    : warning(`${file} is ${type}, and others may use it`, `chmod 600 ${file}`);
}

function isDefault(files: readonly string[]): boolean {
  const row = CONFIG_KEYS.find(({ path }) => path === "sshd.host_key_files");
  return JSON.stringify(row?.default) === JSON.stringify(files);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}
