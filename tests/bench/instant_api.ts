/**
 * An internal API that answers before it is asked twice: one canned answer a
 * path, from a process of its own, so that a measurement of our programs is
 * not one of the stand-in. `instant_api.ts SOCKET ANSWERS_FILE [DELAY_MS]`,
 * where the file is a JSON object of path to body.
 * @module
 */

/** The project of a question about access. */
const PROJECT = /"project":"\/?([^"]*?)(?:\.git)?"/;

if (import.meta.main) {
  const [path = "", file = "", delay = "0"] = Deno.args;
  const answers: Record<string, unknown> = JSON.parse(
    Deno.readTextFileSync(file),
  );
  const encoder = new TextEncoder();
  const replies = new Map(
    Object.entries(answers).map(([name, body]) => {
      const text = JSON.stringify(body);
      return [
        name,
        encoder.encode(
          "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" +
            `Content-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`,
        ),
      ];
    }),
  );
  const listener = Deno.listen({ transport: "unix", path });
  console.log("ready");
  for await (const connection of listener) {
    void serve(connection, replies, Number(delay)).catch(() => {});
  }
}

/** Reads one request, which comes in one piece, and answers it. */
async function serve(
  connection: Deno.Conn,
  replies: ReadonlyMap<string, Uint8Array>,
  delayMs: number,
): Promise<void> {
  using socket = connection;
  const buffer = new Uint8Array(16_384);
  const size = await socket.read(buffer) ?? 0;
  const request = new TextDecoder().decode(buffer.subarray(0, size));
  const target = request.split(" ")[1] ?? "";
  const endpoint = target.replace("/api/v4/internal", "").split("?")[0] ?? "";
  const [, project = ""] = PROJECT.exec(request) ?? [];
  if (delayMs > 0) await new Promise((done) => setTimeout(done, delayMs));
  const reply = replies.get(`${endpoint} ${project}`) ?? replies.get(endpoint);
  if (reply !== undefined) await socket.write(reply);
}
