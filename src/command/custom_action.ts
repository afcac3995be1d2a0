/**
 * A Git command on a Geo secondary, which GitLab sends on to the primary: its
 * answer to the access check is then a custom action, with status 300.
 * Source: GitLab Shell 14.56.1, custom actions.
 * @module
 */
import type { CustomAction } from "../api/access.ts";
import type { GitHttpClient } from "../api/git_http.ts";
import type { GitHttpExchange } from "../api/git_http_exchange.ts";
import type { HeaderLine } from "../api/http1_request.ts";
import { FetchTurn, PushTurn } from "../git/conversation_turn.ts";
import { FetchRequestBody, PushRequestBody } from "../git/request_body.ts";
import type { CommandContext, CommandRequest } from "./command.ts";
import { copyAnswer, runConversation } from "./git_over_http.ts";

/** Services that can be sent on. */
export type RemoteService = "upload-pack" | "receive-pack";

/** One command that is sent on. */
export interface RemoteCommand {
  readonly service: RemoteService;
  readonly request: CommandRequest;
  readonly context: CommandContext;
}

/** The header that tells the version of Git's protocol. */
const GIT_PROTOCOL = "Git-Protocol";
const decoder = new TextDecoder();

/**
 * Runs a command on the primary.
 * @throws {ApiError | Error} What the user is shown.
 */
export async function runCustomAction(
  action: CustomAction,
  command: RemoteCommand,
): Promise<void> {
  const { service, request, context } = command;
  const client = await context.api.gitHttp();
  const isDirect = service === "upload-pack"
    ? action.fetchDirectToPrimary
    : action.pushDirectToPrimary;
  if (!isDirect) return await runTwoRequests(client, action, command);
  context.log.info(`Using Git over SSH ${service.replace("-", " ")}`);
  const lines = Object.entries(action.requestHeaders)
    .filter(([name]) => name !== GIT_PROTOCOL);
  await runDirect(client, {
    url: `${action.primaryRepo}/ssh-${service}`,
    // Sent even if it is empty, unlike to a cell.
    headers: [...lines, [GIT_PROTOCOL, request.gitProtocol]],
  }, command);
}

/**
 * The whole session as one request, in Git's own protocol over SSH.
 * @throws {ApiError | Error} What the user is shown.
 */
export async function runDirect(
  client: GitHttpClient,
  target: { readonly url: string; readonly headers: readonly HeaderLine[] },
  { service, context }: RemoteCommand,
): Promise<void> {
  const { io, log, signal } = context;
  const [turn, body] = service === "upload-pack"
    ? [new FetchTurn({ startsServer: true }), new FetchRequestBody()]
    : [new PushTurn({ startsServer: true }), new PushRequestBody()];
  const exchange = await client.open({ method: "POST", ...target }, {
    signal,
    isPeersTurn: () => turn.isServers,
  });
  const endsWithRequest = false;
  await runConversation({ exchange, io, log, turn, body, endsWithRequest });
}

/** The way of Git over HTTP: references first, then one request and answer. */
async function runTwoRequests(
  client: GitHttpClient,
  { primaryRepo, requestHeaders }: CustomAction,
  { service, context }: RemoteCommand,
): Promise<void> {
  const { io, log, signal } = context;
  const headers = Object.entries(requestHeaders);
  {
    const url = `${primaryRepo}/info/refs?service=git-${service}`;
    using references = await client.get(url, headers, { signal });
    const rest = await skipAnnouncement(references, service);
    if (rest.length > 0) await io.stdout.write(rest);
    await copyAnswer(references, io.stdout);
  }
  const type = `application/x-git-${service}`;
  const request = {
    method: "POST",
    url: `${primaryRepo}/git-${service}`,
    headers: [
      ["Content-Type", `${type}-request`],
      ["Accept", `${type}-result`],
      ...headers,
    ],
  } as const;
  if (service === "upload-pack") {
    const { runFetchRounds } = await import("./fetch_over_http.ts");
    return await runFetchRounds({ client, request, io, signal });
  }
  const turn = new PushTurn({ startsServer: false });
  const exchange = await client.open(request, {
    signal,
    isPeersTurn: () => turn.isServers,
  });
  const body = new PushRequestBody();
  const endsWithRequest = true;
  await runConversation({ exchange, io, log, turn, body, endsWithRequest });
}

/**
 * Takes off the line that Git over HTTP has in front of the references, in
 * however many pieces it comes.
 * @returns What came behind it in the same piece.
 * @throws {Error} If it is something else.
 */
async function skipAnnouncement(
  answer: GitHttpExchange,
  service: RemoteService,
): Promise<Uint8Array> {
  const line = `# service=git-${service}\n`;
  const length = (line.length + 4).toString(16).padStart(4, "0");
  const wanted = `${length}${line}0000`;
  let seen: Uint8Array = new Uint8Array(0);
  while (seen.length < wanted.length) {
    const piece = await answer.read();
    if (piece === null) break;
    const joined = new Uint8Array(seen.length + piece.length);
    joined.set(seen);
    joined.set(piece, seen.length);
    seen = joined;
    if (!wanted.startsWith(decoder.decode(seen.subarray(0, wanted.length)))) {
      break;
    }
  }
  const start = seen.subarray(0, wanted.length);
  if (decoder.decode(start) === wanted) return seen.subarray(wanted.length);
  throw new Error(`unexpected git-${service} response`);
}
