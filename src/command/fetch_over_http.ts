/**
 * A fetch over Git's HTTP protocol for a client that speaks as over SSH: one
 * request for each round of the negotiation, the last of which brings the pack.
 * Source: GitLab Shell 14.56.1, Git over HTTP, which makes one request only.
 * @module
 */
import type { GitHttpClient, GitHttpRequest } from "../api/git_http.ts";
import type { GitHttpExchange } from "../api/git_http_exchange.ts";
import type { StandardStreams } from "../core/io.ts";
import { type FetchAnswer, FetchRounds } from "../git/fetch_rounds.ts";

/** What a fetch runs with. */
export interface FetchOverHttp {
  readonly client: GitHttpClient;
  /** Made anew for each round. */
  readonly request: GitHttpRequest;
  readonly io: StandardStreams;
  readonly signal: AbortSignal;
}

/**
 * Runs a fetch to the end of its last answer.
 * @throws {ApiError | Error} What the user is shown.
 */
export async function runFetchRounds(fetch: FetchOverHttp): Promise<void> {
  const { io: { stdin } } = fetch;
  const rounds = new FetchRounds();
  for (let isEnded = false;;) {
    const round = rounds.next(isEnded);
    if (round) {
      const answer = rounds.readAnswer(round);
      await runRound(fetch, round.body, answer);
      if (round.kind === "last") return;
      continue;
    }
    const bytes = await stdin.read();
    if (bytes === null) isEnded = true;
    else rounds.push(bytes);
  }
}

async function runRound(
  { client, request, io: { stdout }, signal }: FetchOverHttp,
  body: Uint8Array,
  answer: FetchAnswer,
): Promise<void> {
  using exchange = await client.open(request, { signal });
  // A server that hangs up before it has read all says why in its answer.
  const sending = send(exchange, body).catch(() => {});
  await exchange.openAnswer();
  for (let piece; (piece = await exchange.read()) !== null;) {
    const part = answer.push(piece);
    if (part.length > 0) await stdout.write(part);
  }
  const rest = answer.end();
  if (rest.length > 0) await stdout.write(rest);
  await sending;
}

async function send(
  exchange: GitHttpExchange,
  body: Uint8Array,
): Promise<void> {
  await exchange.requestBody.write(body);
  await exchange.endBody();
}
