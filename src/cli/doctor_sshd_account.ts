/**
 * Doctor on what sshd does with the account: whether anybody gets in by it,
 * and whether more happens than should.
 * Source: sshd_config(5); OpenSSH 9.2, auth.c (allowed_user).
 * @module
 */
import type { Account } from "../keys/accounts.ts";
import {
  matchesPatternList,
  type SshdSetting,
  type SshdSettings,
} from "../keys/sshd_settings.ts";
import { failed, type Finding, ok, warning } from "./doctor_report.ts";
import { exists, isSet, placeOf, type SshdRun } from "./doctor_sshd_run.ts";

/** What keeps everybody out, and what lets in more than it should. */
export function judgeAccount({ way: { settings }, account }: SshdRun): Finding {
  const { name } = account;
  const isOff = (keyword: string) =>
    settings.get(keyword)?.words[0]?.toLowerCase() === "no";
  if (isOff("pubkeyauthentication")) {
    return failed(
      `PubkeyAuthentication is no (${
        placeOf(settings, "pubkeyauthentication")
      })`,
      "PubkeyAuthentication yes",
    );
  }
  const barred = findBarred(settings, account);
  if (barred) {
    return failed(
      `${barred.keyword} keeps ${name} out (${barred.place})`,
      `change ${barred.place}`,
    );
  }
  const closed = findClosed(settings, account);
  if (closed) return closed;
  const forced = settings.get("forcecommand");
  if (isSet(forced)) {
    return failed(
      `ForceCommand replaces gitlab-shell (${forced?.place})`,
      `take ForceCommand away for ${name}`,
    );
  }
  const texts: string[] = [];
  const advice: string[] = [];
  if (!isOff("permituserrc")) {
    texts.push(`sshd runs ${account.home}/.ssh/rc before gitlab-shell`);
    advice.push("PermitUserRC no");
  }
  const accepted = settings.all("acceptenv").flatMap(({ words }) => words);
  if (!accepted.some((one) => matchesPatternList("GIT_PROTOCOL", one))) {
    texts.push("Git's protocol version 2 is not passed on");
    advice.push("AcceptEnv GIT_PROTOCOL");
  }
  if (texts.length === 0) return ok(`${name} may log in with a key`);
  return warning(
    texts.join("\n"),
    `in a block "Match User ${name}": ${advice.join(", ")}`,
  );
}

/** What of the account itself makes sshd turn everybody away. */
function findClosed(
  settings: SshdSettings,
  { name, shell }: Account,
): Finding | undefined {
  if (/\/(nologin|false)$/.test(shell) || !exists(shell || "/bin/sh")) {
    return failed(
      `the shell of ${name}, ${shell}, cannot run gitlab-shell`,
      `usermod --shell /bin/sh ${name}`,
    );
  }
  const usesPam = settings.get("usepam")?.words[0]?.toLowerCase() === "yes";
  // Only root may look; PAM lets locked accounts in by key.
  const isLocked = !usesPam && readShadow(name)?.startsWith("!");
  return isLocked
    ? failed(
      `account ${name} is locked, and without PAM sshd refuses its keys`,
      `usermod --password '*' ${name}, or UsePAM yes`,
    )
    : undefined;
}

/** @returns The second field of the account's line; absent if out of reach. */
function readShadow(name: string): string | undefined {
  try {
    const text = Deno.readTextFileSync("/etc/shadow");
    return text.split("\n").map((line) => line.split(":"))
      .find(([account]) => account === name)?.[1];
  } catch {
    return undefined;
  }
}

function findBarred(
  settings: SshdSettings,
  { name, groups }: Account,
): SshdSetting | undefined {
  const names = (setting: SshdSetting, all: Iterable<string>) =>
    setting.words.some((word) =>
      [...all].some((one) =>
        matchesPatternList(one, word.split("@")[0] ?? word)
      )
    );
  const denied = settings.all("denyusers").find((one) => names(one, [name])) ??
    settings.all("denygroups").find((one) => names(one, groups));
  if (denied) return denied;
  const users = settings.all("allowusers");
  if (users.length > 0 && !users.some((one) => names(one, [name]))) {
    return users[0];
  }
  const allowed = settings.all("allowgroups");
  return allowed.length > 0 && !allowed.some((one) => names(one, groups))
    ? allowed[0]
    : undefined;
}
