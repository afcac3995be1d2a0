/**
 * Doctor on OpenSSH's sshd: whether its configuration lets the account in, and
 * how it learns whose a key is. sshd is not asked: the programs may start no
 * other. Its files are read here, or what `sshd -T` says from standard input.
 * Source: sshd_config(5); spec of the deployments in docs/sshd.md.
 * @module
 */
import type { Config } from "../config/config.ts";
import {
  type Account,
  findBarrier,
  findUnsafeKeyFile,
  findUnsafeOwner,
} from "../keys/accounts.ts";
import {
  matchesPatternList,
  readSshdSettings,
  type SshdFiles,
  type SshdSetting,
  type SshdSettings,
} from "../keys/sshd_settings.ts";
import { readAllText } from "./doctor_input.ts";
import {
  type Check,
  failed,
  type Finding,
  ok,
  skipped,
  timed,
  warning,
} from "./doctor_report.ts";
import { authFileOf, type DoctorRun, lookUpAccount } from "./doctor_run.ts";

const HELPERS = {
  keys: "gitlab-shell-authorized-keys-check",
  principals: "gitlab-shell-authorized-principals-check",
} as const;
const DEFAULT_KEY_FILES = ".ssh/authorized_keys .ssh/authorized_keys2";
/** Above this a scan for every offered key is felt. */
const LARGE_FILE_BYTES = 1024 * 1024;

const FILES: SshdFiles = {
  readText: (path) => Deno.readTextFileSync(path),
  listFolder: (path) => [...Deno.readDirSync(path)].map(({ name }) => name),
};

/** How sshd learns about keys, for the checks that follow. */
export interface SshdWay {
  readonly settings: SshdSettings;
  /** Files that sshd reads, expanded; none for `none`. */
  readonly keyFiles: readonly string[];
  readonly hasCommand: boolean;
}

/** What the checks of sshd have in common. */
interface SshdRun {
  readonly run: DoctorRun;
  readonly config: Config;
  readonly account: Account;
  readonly way: SshdWay;
}

/**
 * Reads the settings for the account.
 * @returns A finding if there are none to judge.
 */
export async function readSshdWay(
  run: DoctorRun,
): Promise<SshdWay | Finding> {
  const { options: { sshdConfig }, account, accountName, host } = run;
  if (!account) {
    return warning(
      `account ${accountName} is not in /etc/passwd`,
      "correct user in config.yml, or make the account",
    );
  }
  const isInput = sshdConfig === "-";
  const input = isInput ? await readAllText(host.io.stdin) : "";
  const files = { ...FILES, ...(isInput && { readText: () => input }) };
  let settings: SshdSettings;
  try {
    const name = isInput ? "standard input" : sshdConfig;
    settings = readSshdSettings(name, account, files);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return skipped(`no ${sshdConfig}: gitlab-sshd needs none`);
    }
    return warning(
      `cannot read ${sshdConfig}`,
      `sshd -T -C user=${accountName} | gitlab-shell doctor --sshd-config=-`,
    );
  }
  const words = settings.get("authorizedkeysfile")?.words ??
    DEFAULT_KEY_FILES.split(" ");
  const command = settings.get("authorizedkeyscommand");
  return {
    settings,
    keyFiles: words.filter((word) => word.toLowerCase() !== "none")
      .map((word) => expandTokens(word, account)),
    hasCommand: isSet(command),
  };
}

/** Checks the way that keys reach sshd, and what holds for the account. */
export async function* checkSshd(
  run: DoctorRun,
  config: Config,
  way: SshdWay | Finding,
): AsyncGenerator<Check> {
  const { account } = run;
  if ("result" in way || !account) {
    yield await timed(
      "sshd.config",
      () => "result" in way ? way : skipped("no account"),
    );
    return;
  }
  const all: SshdRun = { run, config, account, way };
  yield await timed("sshd.config", () => judgeWay(all));
  yield await timed("sshd.account", () => judgeAccount(all));
  if (way.hasCommand) {
    yield await timed("sshd.command", () => judgeCommand(all, "keys"));
  }
  if (isSet(way.settings.get("authorizedprincipalscommand"))) {
    yield await timed("sshd.principals", () => judgeCommand(all, "principals"));
  }
  for (const file of way.keyFiles) {
    if (!exists(file) && way.keyFiles.length > 1) continue;
    yield await timed("sshd.file", () => judgeKeyFile(all, file));
  }
}

function judgeWay({ way, account }: SshdRun): Finding {
  const { settings, keyFiles, hasCommand } = way;
  const ways = [
    ...hasCommand
      ? [`a command (${placeOf(settings, "authorizedkeyscommand")})`]
      : [],
    ...keyFiles.length > 0 ? [`the file ${keyFiles[0]}`] : [],
    ...isSet(settings.get("authorizedprincipalscommand"))
      ? ["certificates"]
      : [],
  ];
  if (ways.length === 0) {
    return failed(
      `sshd has no way to learn about keys of ${account.name}`,
      "gitlab-keys sshd-config prints the lines to add",
    );
  }
  const text = `keys of ${account.name} come from ${ways.join(", then ")}`;
  return settings.undecided.length === 0 ? ok(text) : warning(
    `${text}\nnot judged: ${settings.undecided.join(", ")}`,
    `sshd -T -C user=${account.name},host=...,addr=... | ` +
      "gitlab-shell doctor --sshd-config=- judges one connection",
  );
}

/** What keeps everybody out, and what lets in more than it should. */
function judgeAccount({ way: { settings }, account }: SshdRun): Finding {
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

/** What sshd demands of a helper before it runs it, and what we do. */
function judgeCommand(
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
    ? judgeKeyArguments(path, args, { account, userName })
    : judgePrincipals(settings, args, path);
}

function judgeKeyArguments(
  path: string,
  args: readonly string[],
  { account, userName }: { account: Account; userName: string },
): Finding {
  const ours = path.endsWith(`/${HELPERS.keys}`);
  const expected = `${HELPERS.keys} ${account.name} %u %k`;
  if (ours && args.join(" ") !== `${account.name} %u %k`) {
    return failed(
      `the words behind ${path} are "${args.join(" ")}"`,
      `they must be: ${account.name} %u %k`,
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

/** StrictModes, whether it is the file that is managed, and how long it is. */
function judgeKeyFile(
  { run, way, account, config }: SshdRun,
  file: string,
): Finding {
  const managed = authFileOf(run, config);
  if (!exists(file)) {
    return way.hasCommand
      ? ok(`${file} is not there; the command is asked`)
      : failed(`${file} is not there`, "gitlab-keys rebuild writes it");
  }
  const isStrict = way.settings.get("strictmodes")?.words[0] !== "no";
  const unsafe = isStrict ? findUnsafeKeyFile(file, account) : undefined;
  if (unsafe !== undefined) {
    return failed(
      `sshd will not read ${file}: ${unsafe}`,
      `chown ${account.name} and chmod 600 the file, 700 its folder, and take ` +
        "group and others' right to write from the home folder",
    );
  }
  if (managed !== undefined && realPath(managed) !== realPath(file)) {
    return warning(
      `sshd reads ${file}, gitlab-keys manages ${managed}`,
      "name the same file in AuthorizedKeysFile and in auth_file",
    );
  }
  const { size } = Deno.statSync(file);
  return size > LARGE_FILE_BYTES
    ? warning(
      `${file} has ${(size / 2 ** 20).toFixed(1)} MiB, which sshd reads for ` +
        "every key that is offered",
      "use the command instead of the file: docs/sshd.md, way 2",
    )
    : ok(`sshd reads ${file}`);
}

function expandTokens(word: string, { name, home, uid }: Account): string {
  const path = word.replaceAll(
    /%(.)/g,
    (all, token) =>
      ({ "%": "%", h: home, u: name, U: String(uid) })[token as string] ?? all,
  );
  return path.startsWith("/") ? path : `${home}/${path}`;
}

function isSet(setting: SshdSetting | undefined): boolean {
  const word = setting?.words[0];
  return word !== undefined && word !== "" && word.toLowerCase() !== "none";
}

function placeOf(settings: SshdSettings, keyword: string): string {
  return settings.get(keyword)?.place ?? "the default";
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}
