/**
 * A Git command on a project of another cell: the cell that answered the
 * access check serves it, by Git's SSH protocol over HTTP.
 * Source: GitLab Shell 14.56.1, cells routing.
 * @module
 */
import type { AccessAnswer } from "../api/access.ts";
import { errorText } from "../core/errors.ts";
import { quoteGo } from "../core/go_text.ts";
import { type RemoteCommand, runDirect } from "./custom_action.ts";

/** What Go leaves unescaped in a path. */
const UNSAFE = /[^A-Za-z0-9\-_.~$&+,/:;=@]/gu;
const encoder = new TextEncoder();

/**
 * Runs a command on the cell that `answer` came from.
 * @throws {ApiError | Error} What the user is shown.
 */
export async function runOnCell(
  { cellAddress, glId, gitaly: { repository } }: AccessAnswer,
  command: RemoteCommand,
): Promise<void> {
  const { service, request: { gitProtocol }, context } = command;
  context.log.info(`Cells: using SSH-over-HTTP ${service}`, {
    cell_address: cellAddress,
  });
  const url = formatCellUrl(cellAddress, repository.glProjectPath);
  const client = await context.api.gitHttp();
  const token = await client.mintToken(glId).catch((cause) => {
    const text = `cells routing: generating Shell JWT: ${errorText(cause)}`;
    throw new Error(text, { cause });
  });
  await runDirect(client, {
    url: `${url}/ssh-${service}`,
    headers: [
      ["Gitlab-Shell-Api-Request", token],
      ...gitProtocol === "" ? [] : [["Git-Protocol", gitProtocol] as const],
    ],
  }, command);
}

/**
 * The URL of a repository on a cell.
 * @throws {Error} If there is no project, or the address is no URL.
 * @example
 * ```ts
 * import { formatCellUrl } from "./cell_route.ts";
 * formatCellUrl("http://cell/gitlab", "group//project");
 * // "http://cell/gitlab/group/project.git"
 * ```
 */
export function formatCellUrl(cellAddress: string, project: string): string {
  if (project === "") {
    throw new Error(
      "cells routing: missing gl_project_path in /allowed response",
    );
  }
  const [, origin, path = "", query = ""] =
    /^([a-z][a-z0-9+.-]*:\/\/[^/?#]+)([^?#]*)(\?[^#]*)?/i.exec(cellAddress) ??
      [];
  if (origin === undefined) {
    const shown = quoteGo(cellAddress);
    throw new Error(
      `cells routing: invalid cell address ${shown}: missing URL scheme`,
    );
  }
  // The path of the address is a URL's already; the project's is not yet.
  const joined = cleanPath(`${path}/${escapePath(project)}.git`);
  return `${origin}${joined}${query}`;
}

/** One slash between segments; `.` and `..` are walked, never above the root. */
function cleanPath(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  return `/${kept.join("/")}`;
}

function escapePath(path: string): string {
  return path.replace(
    UNSAFE,
    (char) =>
      Array.from(
        encoder.encode(char),
        (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
      ).join(""),
  );
}
