/**
 * A GitLab that knows some keys, for tests of the lookup from end to end.
 * @module
 */
import { json, type ScriptedAnswer } from "./scripted_api.ts";

/** Answers lookups of keys and questions about users. */
export function answerAsGitlab(
  keysById: ReadonlyMap<number, string>,
): ScriptedAnswer {
  return async (peer, attempt) => {
    const url = new URL(attempt.target, "http://gitlab");
    const asked = url.searchParams;
    const base64 = asked.get("key") ?? "";
    const found = [...keysById].find(([, key]) => key.split(" ")[1] === base64);
    const [id, key] = found ?? [];
    const username = asked.get("username") ?? `owner-of-${asked.get("key_id")}`;
    const answer = url.pathname.endsWith("/discover")
      ? json(200, { id: 1, username, name: username })
      : id === undefined
      ? json(404, { message: "404 Key Not Found" })
      : json(200, { id, key });
    await answer(peer, attempt);
  };
}
