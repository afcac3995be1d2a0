/**
 * How long Gitaly itself takes for `ls-remote`: the same call by a client that
 * runs already and has a connection.
 * @module
 */
import { LEAN_CARRIER } from "../../src/gitaly/http2/lean_carrier.ts";
import { SAMPLE } from "../../src/devstack/sample.ts";
import { readerOf } from "../support/fake_host.ts";
import { openClient, REPOSITORY, startCall } from "../support/gitaly_call.ts";
import type { Series } from "./question.ts";
import type { StandIn } from "./stand_in_process.ts";

const NAME = "the Gitaly stand-in itself";
const REQUEST = "0014command=ls-refs\n00000000";

/** Times the call after one that does not count. */
export async function timeWarmCall(
  standIn: StandIn,
  rounds: number,
): Promise<Series> {
  using client = openClient(LEAN_CARRIER);
  const relativePath = standIn.relativePath(SAMPLE.project);
  const repository = { ...REPOSITORY, relativePath };
  const values: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const startMs = performance.now();
    const { result, stdout } = startCall(client, standIn.gitalyAddress, {
      token: standIn.gitalyToken,
      stdin: readerOf(REQUEST),
      request: { repository },
    });
    await result;
    if (round >= 0) values.push(performance.now() - startMs);
    if (!stdout.text.includes("refs/heads/main")) {
      throw new Error(`The Gitaly stand-in listed ${stdout.text}`);
    }
  }
  return { name: NAME, values, notes: {} };
}
