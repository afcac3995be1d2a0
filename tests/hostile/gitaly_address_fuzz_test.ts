/**
 * Fuzz target: the addresses that GitLab's answers and the configuration
 * bring. They are refused, or lead where the engine's own URL parser would go
 * as well, and nothing in them ends a line of the request.
 */
import { assert, assertEquals } from "@std/assert";
import { parseGitlabUrl, placeRequest } from "../../src/api/base_url.ts";
import { GitTransportError, ProtocolError } from "../../src/core/errors.ts";
import { parseGitalyAddress } from "../../src/gitaly/address.ts";
import { defineFuzzTarget, refusal } from "../support/fuzz_target.ts";

const decoder = new TextDecoder();
/** What an engine leaves as it is; others it escapes, maps or counts out. */
const PLAIN_HOST = /^[a-z][a-z0-9.-]*[a-z]$/;
const LINE_TEXT = /^[\x21-\x7e]*$/;

defineFuzzTarget(import.meta.url, {
  seeds: [
    "unix:/run/gitaly.socket",
    "unix:gitaly.socket",
    "unix:///run/gitaly.socket",
    "tcp://gitaly.example:8075",
    "tls://[::1]:9999",
    "dns:gitaly.example",
    "dns://1.1.1.1:53/gitaly.example:8075",
    "dns+tls:///gitaly.example",
    "http://localhost:8080/gitlab",
    "https://user:pass@gitlab.example/a%20b?c=d#e",
    "http+unix://%2Frun%2Fworkhorse.socket",
  ],
  words: [
    "://",
    "@",
    "#",
    "?",
    "%2f",
    "%",
    "[",
    "]",
    "\\",
    "\r\n",
    "\0",
    "..",
    ":65536",
    "//",
    "\u00e9",
  ],
  inputs: 16_000,
  outcomes: ["an address", "a URL", "refused: invalid connection string"],
  run(input) {
    const text = decoder.decode(input);
    let outcome = "";
    try {
      const address = parseGitalyAddress(text, "gitlab-shell");
      assert(!/[\r\n\0]/.test(address.authority), address.authority);
      outcome = "an address";
    } catch (error) {
      outcome = refusal(error, GitTransportError);
    }
    try {
      const place = placeRequest(
        parseGitlabUrl({ gitlabUrl: text, gitlabRelativeUrlRoot: "" }),
        "/api/v4/internal/check",
      );
      assert(LINE_TEXT.test(place.target), place.target);
      assert(!/[\s\0]/.test(place.host), place.host);
      const [, shownHost = ""] = /^https?:\/\/([^/?#]*)/.exec(place.shownUrl) ??
        [];
      assert(!shownHost.includes("@"), place.shownUrl);
      const { connection } = place;
      if (connection.kind !== "unix" && PLAIN_HOST.test(connection.hostname)) {
        const url = URL.parse(`${text}/api/v4/internal/check`);
        assertEquals(url?.hostname, connection.hostname);
      }
      if (outcome !== "an address") outcome = "a URL";
    } catch (error) {
      const isPrefix = String(error) === "Error: unknown GitLab URL prefix";
      if (!isPrefix) refusal(error, ProtocolError);
    }
    return outcome;
  },
});
