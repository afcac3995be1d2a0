/**
 * Doctor on OpenSSH's sshd: whether its configuration lets the account in, and
 * how it learns whose a key is. sshd is not asked: the programs may start no
 * other. Its files are read here, or what `sshd -T` says from standard input.
 * Source: sshd_config(5); spec of the deployments in docs/sshd.md.
 * @module
 */
import type { Config } from "../config/config.ts";
import { type Account, findUnsafeKeyFile } from "../keys/accounts.ts";
import {
  readSshdSettings,
  type SshdFiles,
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
import { authFileOf, type DoctorRun } from "./doctor_run.ts";
import { judgeAccount } from "./doctor_sshd_account.ts";
import { judgeCommand } from "./doctor_sshd_command.ts";
import {
  exists,
  isSet,
  placeOf,
  type SshdRun,
  type SshdWay,
} from "./doctor_sshd_run.ts";

const DEFAULT_KEY_FILES = ".ssh/authorized_keys .ssh/authorized_keys2";
/** Above this a scan for every offered key is felt. */
const LARGE_FILE_BYTES = 1024 * 1024;

const FILES: SshdFiles = {
  readText: (path) => Deno.readTextFileSync(path),
  listFolder: (path) => [...Deno.readDirSync(path)].map(({ name }) => name),
};

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

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}
