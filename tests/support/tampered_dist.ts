/**
 * A copy of `dist/` with code in it that is not ours: what a program is capable
 * of from the moment at which a stranger might have taken it over.
 * @module
 */
import { programPath } from "./dist.ts";

/** Name of the first argument of `linkChunks()`'s loader that runs a script. */
const RUN = "const [names,run]=scripts.get(name);";

/** Libraries whose scripts a loader of their own runs. */
const LINKED = ["gitlab-shell", "gitlab-keys", "gitaly-ssh"];

/** Whether `dist/` has files that can be looked into. */
export const IS_PORTABLE: boolean = await Deno.stat(programPath("lib/deno"))
  .then(() => true, () => false);

/**
 * Copies `dist/` and puts code in front of the main files of every library.
 * @param code Statements; their names are seen by nobody else.
 * @param onScript An expression that is evaluated before each script of the
 * bundle runs, with its name as `name`.
 */
export async function copyTampered(
  target: string,
  { code, onScript }: { code: string; onScript?: string },
): Promise<void> {
  const { success } = await new Deno.Command("cp", {
    args: ["-R", "-p", "--reflink=auto", `${programPath("")}.`, target],
  }).output();
  if (!success) throw new Error(`Cannot copy dist/ to ${target}`);
  for (const library of LINKED) {
    for await (const { name } of Deno.readDir(`${target}/lib/${library}`)) {
      const path = `${target}/lib/${library}/${name}`;
      const text = await Deno.readTextFile(path);
      if (!text.includes(RUN)) continue;
      const told = onScript === undefined
        ? text
        : text.replace(RUN, `${onScript};${RUN}`);
      await Deno.writeTextFile(path, `{${code}}\n${told}`);
    }
  }
  const server = `${target}/lib/gitlab-sshd/main.js`;
  await Deno.writeTextFile(
    server,
    `{${code}}\n${await Deno.readTextFile(server)}`,
  );
}
