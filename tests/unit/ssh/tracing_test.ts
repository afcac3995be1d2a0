import { assertEquals } from "@std/assert";
import {
  openTracing,
  type Telemetry,
  type TracedCommand,
} from "../../../src/ssh/tracing.ts";

interface Made {
  name: string;
  from: number;
  to: number | undefined;
  parent: unknown;
  attributes: Record<string, string | number>;
  status: unknown;
}

function makeTelemetry(): { telemetry: Telemetry; spans: Made[] } {
  const spans: Made[] = [];
  const contextOf = (span: unknown) => ({
    span,
    setValue: (_: symbol, value: unknown) => contextOf(value),
  });
  const telemetry: Telemetry = {
    contextManager: { active: () => contextOf(undefined) },
    tracerProvider: {
      getTracer: () => ({
        startSpan(name, { startTime, attributes }, context) {
          const made: Made = {
            name,
            from: startTime,
            to: undefined,
            parent: (context as { span?: { made: Made } } | undefined)?.span
              ?.made.name,
            attributes,
            status: undefined,
          };
          spans.push(made);
          return {
            made,
            setStatus: (status) => made.status = status,
            end: (timeMs) => void (made.to = timeMs),
          };
        },
      }),
    },
  };
  return { telemetry, spans };
}

const COMMAND: TracedCommand = {
  name: "git-upload-pack",
  startedMs: 1_000,
  endedMs: 3_200,
  phases: {
    api_duration_s: 0.1,
    gitaly_connect_duration_s: 0.02,
    first_byte_duration_s: 0.08,
    transfer_duration_s: 2,
    read_bytes: 7,
    written_bytes: 9,
    closed_first: "client",
  },
  correlationId: "id",
  project: "group/project",
  username: "mira",
  fault: undefined,
};

Deno.test("openTracing() makes one span for a command, and one for each phase", () => {
  const { telemetry, spans } = makeTelemetry();
  openTracing(() => "true", telemetry)?.(COMMAND);
  const times = spans.map((
    { name, from, to, parent },
  ) => [name, from, to, parent]);
  assertEquals(times, [
    ["git-upload-pack", 1_000, 3_200, undefined],
    ["GitLab access check", 1_000, 1_100, "git-upload-pack"],
    ["Gitaly connection", 1_100, 1_120, "git-upload-pack"],
    ["first byte", 1_120, 1_200, "git-upload-pack"],
    ["transfer", 1_200, 3_200, "git-upload-pack"],
  ]);
  assertEquals(spans[0]?.attributes, {
    correlation_id: "id",
    gl_project_path: "group/project",
    gl_user_name: "mira",
    read_bytes: 7,
    written_bytes: 9,
    closed_first: "client",
  });
});

Deno.test("openTracing() marks a fault, and tells the phases that there were", () => {
  const { telemetry, spans } = makeTelemetry();
  const phases = { api_duration_s: 0.5 };
  const fault = "Internal API unreachable";
  openTracing(() => "1", telemetry)?.({ ...COMMAND, phases, fault });
  assertEquals(spans.map(({ name }) => name), [
    "git-upload-pack",
    "GitLab access check",
  ]);
  assertEquals(spans[0]?.status, { code: 2, message: fault });
});

Deno.test("openTracing() is off unless it is asked for, and never throws", () => {
  const { telemetry } = makeTelemetry();
  for (const value of [undefined, "", "0", "false"]) {
    assertEquals(openTracing(() => value, telemetry), undefined);
  }
  const broken = {
    ...telemetry,
    contextManager: {
      active() {
        throw new Error("otel not initialized");
      },
    },
  };
  openTracing(() => "true", broken)?.(COMMAND);
});
