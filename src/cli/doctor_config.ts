/**
 * Doctor on `config.yml`, the secret and the log file.
 * @module
 */
import type { Config } from "../config/config.ts";
import { joinPath, parentPath } from "../config/go_path.ts";
import { findBarrier, mayAccess } from "../keys/accounts.ts";
import { parseShellPath } from "../keys/line.ts";
import { describeKeyFinding } from "./config_command.ts";
import {
  type Check,
  failed,
  type Finding,
  ok,
  skipped,
  timed,
  warning,
} from "./doctor_report.ts";
import type { DoctorRun } from "./doctor_run.ts";

const WORLD_READABLE = 0o004;

/** Whether the file is found and valid, and what in it has no effect. */
export async function* checkConfigFile(run: DoctorRun): AsyncGenerator<Check> {
  const { report, account } = run;
  const check = await timed("config", () => {
    const { file, fault, values } = report;
    if (fault !== undefined) {
      return failed(fault, adviseFault(fault, file));
    }
    const barrier = account && findBarrier(account, file, "read");
    if (barrier !== undefined) {
      return failed(
        `account ${account?.name} ${barrier}`,
        `chown root:${account?.name} ${file} and chmod 640 ${file}`,
      );
    }
    const fatal = values.filter(({ isFatal }) => isFatal);
    const texts = fatal.map(({ path, advice }) => `${path} ${advice}`);
    if (fatal.length > 0) {
      return failed(texts.join("\n"), `correct it in ${file}`);
    }
    return ok(`${file} can be used`);
  });
  yield { ...check, elapsedMs: check.elapsedMs + report.elapsedMs };
  const { keys, values } = report;
  if (!keys) return;
  yield await timed("config.keys", () => {
    const texts = [
      ...keys.map(describeKeyFinding),
      ...values.filter(({ isFatal }) => !isFatal)
        .map(({ path, advice }) => `${path} ${advice}`),
    ];
    return texts.length === 0
      ? ok("every key has its effect")
      : warning(texts.join("\n"), "gitlab-shell config check shows this alone");
  });
}

/** Whether the secret can be read by those who need it, and by nobody else. */
export function checkSecret(run: DoctorRun, config: Config): Promise<Check> {
  return timed("secret", () => {
    const { report, account } = run;
    if (report.values.some(({ path }) => path === "secret")) {
      return failed(
        "the secret is blank",
        "put GitLab's secret into the file that secret_file names",
      );
    }
    const file = secretFileOf(config, run);
    if (file === undefined) return ok("written in config.yml");
    const barrier = account && findBarrier(account, file, "read");
    if (barrier !== undefined) {
      return failed(
        `account ${account?.name} ${barrier}`,
        `chown root:${account?.name} ${file} and chmod 640 ${file}`,
      );
    }
    const mode = statOrNull(file)?.mode ?? 0;
    return (mode & WORLD_READABLE) !== 0
      ? warning(`${file} can be read by everybody`, `chmod 640 ${file}`)
      : ok(`${file} can be read`);
  });
}

/** Whether sessions can leave records. */
export function checkLogFile(run: DoctorRun, config: Config): Promise<Check> {
  return timed("log", () => judgeLogFile(run, config));
}

/** Whether the forced command that key lines name can be run. */
export function checkProgram(run: DoctorRun, config: Config): Promise<Check> {
  return timed("program", () => {
    const { account } = run;
    const path = parseShellPath(joinPath(config.rootDir));
    if (!statOrNull(path)) {
      return warning(
        `${path} is not there, although lines of keys name it`,
        "install the programs into bin beside config.yml, or link them there",
      );
    }
    const barrier = account && findBarrier(account, path, "enter");
    return barrier === undefined
      ? ok(`${path} can be run`)
      : failed(`account ${account?.name} ${barrier}`, `chmod 755 ${path}`);
  });
}

/**
 * Says what cannot be judged here where SELinux is in force: whether sshd's
 * helper may connect and write is in its policy, not in any mode.
 * @param text Content of `/etc/selinux/config`.
 * @returns `undefined` where it is not.
 */
export function judgeSelinux(text: string): Finding | undefined {
  if (!/^\s*SELINUX\s*=\s*enforcing\s*$/m.test(text)) return undefined;
  return warning(
    "SELinux is enforcing, and what it denies cannot be seen from here",
    "ausearch -m avc -ts recent names denials; sshd's helper must be allowed " +
      "to connect to GitLab and to append to the log",
  );
}

function judgeLogFile(
  { account, accountName }: DoctorRun,
  { logFile }: Config,
): Finding {
  if (logFile === "") {
    return warning("log_file is empty: records are lost", "set log_file");
  }
  const folder = parentPath(logFile);
  const info = statOrNull(logFile);
  if (info?.isDirectory) {
    return failed(`${logFile} is a folder`, "name a file in log_file");
  }
  if (!statOrNull(folder)) {
    return failed(
      `${folder} is not there; no program makes it`,
      `install -d -o ${accountName} -m 750 ${folder}`,
    );
  }
  if (!account) {
    return skipped(`account ${accountName} is not in /etc/passwd`);
  }
  const barrier = findBarrier(account, info ? logFile : folder, "write");
  if (barrier !== undefined) {
    return failed(
      `account ${account.name} ${barrier}: its records are lost`,
      info
        ? `chown ${account.name} ${logFile}`
        : `install -o ${account.name} -m 640 /dev/null ${logFile}`,
    );
  }
  const isFolderTheirs = account.uid !== 0 &&
    mayAccess(account, Deno.statSync(folder), "write");
  return isFolderTheirs
    ? warning(
      `${folder} can be written by ${account.name}`,
      "have logrotate work as that account (su), lest links lead root astray",
    )
    : ok(`${logFile} can be written`);
}

function adviseFault(fault: string, file: string): string {
  if (fault.includes("secret")) {
    return "copy GitLab's .gitlab_shell_secret there, or name it in secret_file";
  }
  if (/no such file/i.test(fault)) {
    return "gitlab-shell config example writes one; GITLAB_SHELL_DIR names " +
      "another folder";
  }
  return /permission denied/i.test(fault)
    ? "run doctor as root or as the account that sessions run as"
    : `correct the lines that are named in ${file}`;
}

/** @returns `undefined` if the secret stands in config.yml. */
function secretFileOf(
  { rootDir }: Config,
  { report }: DoctorRun,
): string | undefined {
  const { secretFile } = report;
  if (secretFile === undefined) return undefined;
  return secretFile.startsWith("/")
    ? secretFile
    : joinPath(rootDir, secretFile);
}

function statOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch {
    return null;
  }
}
