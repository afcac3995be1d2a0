/**
 * Doctor on the helpers that sshd runs, and on what it demands of them.
 * Source: sshd_config(5), AuthorizedKeysCommand and AuthorizedPrincipalsCommand;
 * OpenSSH 9.2, misc.c (safe_path).
 * @module
 */
import {
  type Account,
  findBarrier,
  findUnsafeOwner,
} from "../keys/accounts.ts";
import type { SshdSettings } from "../keys/sshd_settings.ts";
import { failed, type Finding, ok, warning } from "./doctor_report.ts";
import { lookUpAccount } from "./doctor_run.ts";
import { isSet, type SshdRun } from "./doctor_sshd_run.ts";

const HELPERS = {
  keys: "gitlab-shell-authorized-keys-check",
  principals: "gitlab-shell-authorized-principals-check",
} as const;

/** What sshd demands of a helper before it runs it, and what we do. */
export function judgeCommand(
  { way: { settings }, account, config }: SshdRun,
  kind: keyof typeof HELPERS,
): Finding {
  const keyword = kind === "keys"
    ? "authorizedkeyscommand"
    : "authorizedprincipalscommand";
  const setting = settings.get(keyword);
  const [path = "", ...args] = setting?.words ?? [];
  if (!path.startsWith("/")) {
    return failed(`${path} is no absolute path`, `change ${setting?.place}`);
  }
  const unsafe = findUnsafeOwner(path);
  if (unsafe !== undefined) {
    return failed(
      `sshd will not run ${path}: ${unsafe}`,
      "it and every folder above it must be root's, writable by root alone; " +
        "a script of root's elsewhere may start it",
    );
  }
  const userName = settings.get(`${keyword}user`)?.words[0];
  if (userName === undefined) {
    return failed(
      `no ${keyword}user: sshd does not even start`,
      `add it behind ${setting?.place}, with ${account.name}`,
    );
  }
  const runsAs = lookUpAccount(userName);
  if (!runsAs) {
    return failed(
      `account ${userName} is not in /etc/passwd`,
      `change ${keyword}user, or make the account`,
    );
  }
  const barrier = findBarrier(runsAs, path, "enter") ??
    findBarrier(runsAs, `${config.rootDir}/config.yml`, "read");
  if (barrier !== undefined) {
    return failed(
      `account ${userName}, which sshd runs it as, ${barrier}`,
      `let ${userName} read config.yml and the secret: group and mode 640`,
    );
  }
  return kind === "keys"
    ? judgeKeyArguments(path, args, {
      account,
      userName,
      rootDir: config.rootDir,
    })
    : judgePrincipals(settings, args, path);
}

function judgeKeyArguments(
  path: string,
  args: readonly string[],
  { account, userName, rootDir }: {
    account: Account;
    userName: string;
    rootDir: string;
  },
): Finding {
  const ours = path.endsWith(`/${HELPERS.keys}`);
  const expected = `${HELPERS.keys} ${account.name} %u %k`;
  if (ours && args.join(" ") !== `${account.name} %u %k`) {
    return failed(
      `the words behind ${path} are "${args.join(" ")}"`,
      `they must be: ${account.name} %u %k`,
    );
  }
  if (ours && !isBeside(path, rootDir)) {
    return warning(
      `sshd runs ${path}, which is not that of ${rootDir}`,
      "it reads the configuration of its own root: name ours, or look there",
    );
  }
  return ours
    ? ok(`sshd runs ${path} as ${userName}`)
    : ok(`sshd runs ${path}, which should end in ${expected}`);
}

function judgePrincipals(
  settings: SshdSettings,
  args: readonly string[],
  path: string,
): Finding {
  if (!isSet(settings.get("trustedusercakeys"))) {
    return failed(
      "no TrustedUserCAKeys: no certificate is accepted",
      "TrustedUserCAKeys with the file of the authority's public keys",
    );
  }
  const [identity, ...principals] = args;
  return identity === "%i" && principals.length > 0
    ? ok(`sshd runs ${path} for ${principals.join(", ")}`)
    : warning(
      `the words behind ${path} are "${args.join(" ")}"`,
      "they should be %i and the principals that may log in",
    );
}

/** Whether a helper lies in the `bin` of a root, links resolved. */
function isBeside(path: string, rootDir: string): boolean {
  try {
    const real = Deno.realPathSync(path);
    return real.startsWith(`${Deno.realPathSync(`${rootDir}/bin`)}/`);
  } catch {
    return false;
  }
}
