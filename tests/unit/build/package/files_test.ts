import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse, parseAll } from "@std/yaml/parse";
import {
  CONFFILES,
  makeArchiveEntries,
  makeDebianEntries,
  PACKAGE_ROOT,
} from "../../../../src/build/package/layout.ts";
import { PROGRAMS } from "../../../../src/build/programs.ts";
import { lintKeys } from "../../../../src/config/lint.ts";
import { parseConfig } from "../../../../src/config/parse.ts";
import { makeTempDir } from "../../../support/temp_dir.ts";

const ROOT = new URL("../../../../", import.meta.url).pathname.slice(0, -1);
const FILES = `${ROOT}/src/build/package/files`;
const UNIT = Deno.readTextFileSync(`${FILES}/systemd/gitlab-sshd.service`);
const decoder = new TextDecoder();

/** A build of empty programs, which is enough to see where they go. */
function makeContent(folder: string) {
  for (const name of PROGRAMS.keys()) {
    Deno.writeTextFileSync(`${folder}/${name}`, "#!/bin/sh\n", { mode: 0o755 });
  }
  Deno.mkdirSync(`${folder}/lib/cache`, { recursive: true });
  Deno.writeTextFileSync(`${folder}/lib/deno`, "this machine's");
  return {
    root: ROOT,
    dist: folder,
    deno: undefined,
    version: "1.2.3",
    sbom: "{}",
    origin: { date: "2026-09-01", source: "GitLab Shell 1.2.3" },
  };
}

Deno.test("the Debian package has programs, pages, completions and units where they belong", async () => {
  using folder = makeTempDir();
  const entries = await makeDebianEntries(makeContent(folder.path));
  const names = entries.map(({ name }) => name);
  for (const program of PROGRAMS.keys()) {
    const path = `${PACKAGE_ROOT}/bin/${program}`;
    assertEquals(entries.find(({ name }) => name === path)?.mode, 0o755);
    assert(
      names.some((name) => name.endsWith(`/${program}.1.gz`)) ||
        names.some((name) => name.endsWith(`/${program}.8.gz`)),
      program,
    );
  }
  for (
    const name of [
      ...CONFFILES.map((path) => path.slice(1)),
      `${PACKAGE_ROOT}/VERSION`,
      `${PACKAGE_ROOT}/bin/lib/cache/`,
      "usr/lib/systemd/system/gitlab-sshd.service",
      "usr/share/bash-completion/completions/gitlab-shell",
      "usr/share/doc/gitlab-shell-deno/sbom.cdx.json",
      "usr/share/doc/gitlab-shell-deno/docs/sshd.md",
      "usr/share/man/man5/gitlab-shell-config.5.gz",
    ]
  ) assert(names.includes(name), name);
  assertEquals(new Set(names).size, names.length, "a name is there twice");
  // Every folder stands before what is in it.
  for (const [at, name] of names.entries()) {
    const parent = name.replace(/[^/]+\/?$/, "");
    if (parent !== "") assert(names.indexOf(parent) < at, name);
  }
  const config = entries.find(({ name }) =>
    name === `${PACKAGE_ROOT}/config.yml`
  );
  assertEquals(config?.link, "/etc/gitlab-shell/config.yml");
});

Deno.test("an archive for another target has that target's Deno", async () => {
  using folder = makeTempDir({ other: "another target's" });
  using dist = makeTempDir();
  const content = {
    ...makeContent(dist.path),
    deno: `${folder.path}/other`,
  };
  const entries = await makeArchiveEntries(content, "top");
  const deno = entries.find(({ name }) => name === "top/bin/lib/deno");
  assertEquals(decoder.decode(deno?.bytes), "another target's");
  for (
    const name of [
      "LICENSE",
      "sbom.cdx.json",
      "etc/kubernetes/gitlab-sshd.yaml",
    ]
  ) {
    assert(entries.some((entry) => entry.name === `top/${name}`), name);
  }
});

Deno.test("the package's config.yml loads, and nothing in it is in vain", async () => {
  const text = await Deno.readTextFile(`${FILES}/config.yml`);
  const { values } = await parseConfig(text, "config.yml");
  assertEquals(values.text("user"), "git");
  assertEquals(await lintKeys(text, "config.yml"), []);
});

Deno.test("the unit runs what the package installs, and lets V8 make machine code", () => {
  assertMatch(
    UNIT,
    new RegExp(`^ExecStart=/${PACKAGE_ROOT}/bin/gitlab-sshd `, "m"),
  );
  assertMatch(UNIT, /^ExecReload=\/bin\/kill -HUP \$MAINPID$/m);
  assert(!UNIT.includes("MemoryDenyWriteExecute"));
  assertMatch(UNIT, /^NoNewPrivileges=yes$/m);
});

Deno.test({
  name: "the unit is sound to systemd-analyze, and little is exposed",
  ignore: !await runs("systemd-analyze", ["--version"]),
  async fn() {
    using folder = makeTempDir();
    const file = `${folder.path}/gitlab-sshd.service`;
    // Neither program nor account need be here.
    const text = UNIT.replace(/^ExecStart=.*$/m, "ExecStart=/bin/true")
      .replace(/^(User|Group)=git$/mg, "$1=root");
    await Deno.writeTextFile(file, text);
    assert(await runs("systemd-analyze", ["verify", "--man=no", file]));
    const security = ["security", "--offline=true", "--threshold=25", file];
    await Deno.writeTextFile(file, UNIT);
    assert(await runs("systemd-analyze", security));
  },
});

interface Manifest {
  readonly kind: string;
  // deno-lint-ignore no-explicit-any -- a manifest is walked, not used
  readonly [member: string]: any;
}

Deno.test("the Kubernetes manifests agree with each other and with the configuration", async () => {
  const text = await Deno.readTextFile(`${FILES}/kubernetes/gitlab-sshd.yaml`);
  const manifests = parseAll(text) as Manifest[];
  const find = (kind: string) => manifests.find((one) => one.kind === kind);
  const config = find("ConfigMap")?.["data"]["config.yml"];
  assertEquals(await lintKeys(config, "config.yml"), []);
  const { values } = await parseConfig(config, "config.yml");
  const pod = find("Deployment")?.["spec"].template;
  const [container] = pod.spec.containers;
  const ports = new Map<string, number>(
    container.ports.map((port: { name: string; containerPort: number }) => [
      port.name,
      port.containerPort,
    ]),
  );
  assertEquals(values.text("sshd.listen"), `[::]:${ports.get("ssh")}`);
  assertEquals(
    values.text("sshd.web_listen"),
    `[::]:${ports.get("monitoring")}`,
  );
  assertEquals(
    container.readinessProbe.httpGet.path,
    values.text("sshd.readiness_probe"),
  );
  assertEquals(
    container.livenessProbe.httpGet.path,
    values.text("sshd.liveness_probe"),
  );
  // preStop and the grace period must fit before the pod is killed.
  const graceSeconds = values.number("sshd.grace_period") / 1_000;
  const preStopSeconds = Number(container.lifecycle.preStop.exec.command[1]);
  assert(
    pod.spec.terminationGracePeriodSeconds > graceSeconds + preStopSeconds,
  );
  const mounts = container.volumeMounts
    .map(({ mountPath }: { mountPath: string }) => mountPath);
  for (
    const file of [
      values.text("secret_file"),
      ...values.list("sshd.host_key_files"),
    ]
  ) {
    assert(mounts.some((path: string) => file.startsWith(`${path}/`)), file);
  }
  const labels = pod.metadata.labels;
  for (const kind of ["Service", "PodDisruptionBudget"]) {
    const { selector } = find(kind)?.["spec"];
    assertEquals(selector.matchLabels ?? selector, labels);
  }
  assertEquals(values.flag("sshd.proxy_protocol"), true);
  assert(values.list("sshd.proxy_allowed").length > 0);
});

Deno.test("the container starts the server without a shell in front of it", async () => {
  const text = await Deno.readTextFile(`${FILES}/Containerfile`);
  const [, entry = ""] = /^ENTRYPOINT (\[.*\])$/m.exec(text) ?? [];
  const words = parse(entry) as string[];
  assertEquals(words[0], `/${PACKAGE_ROOT}/bin/gitlab-sshd`);
});

for (const name of ["postinst", "prerm", "postrm"]) {
  Deno.test(`the script ${name} of the package is a shell script`, async () => {
    assert(await runs("sh", ["-n", `${FILES}/debian/${name}`]));
  });
}

async function runs(command: string, args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, {
      args,
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}
