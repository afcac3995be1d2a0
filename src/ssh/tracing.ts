/**
 * A span of OpenTelemetry for each command, with its phases as children, by
 * what Deno has built in: nothing of ours sends anything, no permission is
 * needed, and all of it is off unless `OTEL_DENO` says otherwise.
 * Source: Deno 2.9 manual, "OpenTelemetry"; OpenTelemetry, Trace API.
 * @module
 */
import type { LogFields } from "../core/log.ts";

/** A command that has ended. */
export interface TracedCommand {
  /** The first word of the command line. */
  readonly name: string;
  /** Wall clock, milliseconds since 1970. */
  readonly startedMs: number;
  readonly endedMs: number;
  /** What `CallPhases` says; absent for commands without Gitaly. */
  readonly phases: LogFields | undefined;
  readonly correlationId: string;
  readonly project: string;
  readonly username: string;
  /** A fault of ours; a denial is none. */
  readonly fault: string | undefined;
}

/** Makes the spans of one command. Never throws. */
export type RecordCommand = (command: TracedCommand) => void;

/** As much of OpenTelemetry as is used here. */
interface Span {
  setStatus(status: { code: number; message: string }): unknown;
  end(timeMs: number): void;
}
interface Context {
  setValue(key: symbol, value: unknown): Context;
}
interface Tracer {
  startSpan(
    name: string,
    options: {
      startTime: number;
      kind: number;
      attributes: Record<string, string | number>;
    },
    context?: Context,
  ): Span;
}
/** The part of Deno that is OpenTelemetry. */
export interface Telemetry {
  readonly tracerProvider: {
    getTracer(name: string): Tracer;
  };
  readonly contextManager: { active(): Context };
}

/** The key under which OpenTelemetry's own packages keep a span. */
const SPAN_KEY = Symbol.for("OpenTelemetry Context Key SPAN");
const STATUS_ERROR = 2;
const KIND_INTERNAL = 0;
const KIND_SERVER = 1;

/** Phases in the order in which they follow each other. */
const PHASES = [
  ["GitLab access check", "api_duration_s"],
  ["Gitaly connection", "gitaly_connect_duration_s"],
  ["first byte", "first_byte_duration_s"],
  ["transfer", "transfer_duration_s"],
] as const;

/**
 * Finds out whether spans are wanted.
 * @param telemetry Deno's own, unless a test has another.
 * @returns `undefined` if they are not.
 */
export function openTracing(
  env: (name: string) => string | undefined,
  telemetry: Telemetry = Deno.telemetry,
): RecordCommand | undefined {
  if (!["1", "true"].includes(env("OTEL_DENO") ?? "")) return undefined;
  const tracer = telemetry.tracerProvider.getTracer("gitlab-sshd");
  return (command) => {
    try {
      recordSpans(command, tracer, telemetry);
    } catch {
      // A session must not fail because it could not be told about.
    }
  };
}

function recordSpans(
  command: TracedCommand,
  tracer: Tracer,
  { contextManager }: Telemetry,
): void {
  const { name, startedMs, endedMs, phases = {}, fault } = command;
  const span = tracer.startSpan(name, {
    startTime: startedMs,
    kind: KIND_SERVER,
    attributes: attributesOf(command),
  });
  const inSpan = contextManager.active().setValue(SPAN_KEY, span);
  let atMs = startedMs;
  for (const [phase, field] of PHASES) {
    const seconds = phases[field];
    if (typeof seconds !== "number") break;
    const child = tracer.startSpan(phase, {
      startTime: atMs,
      kind: KIND_INTERNAL,
      attributes: {},
    }, inSpan);
    atMs += seconds * 1_000;
    child.end(atMs);
  }
  if (fault !== undefined) {
    span.setStatus({ code: STATUS_ERROR, message: fault });
  }
  span.end(endedMs);
}

/** No key, no address and no argument: a trace goes further than a log. */
function attributesOf(
  { correlationId, project, username, phases = {} }: TracedCommand,
): Record<string, string | number> {
  const attributes: Record<string, string | number> = {
    correlation_id: correlationId,
  };
  if (project !== "") attributes["gl_project_path"] = project;
  if (username !== "") attributes["gl_user_name"] = username;
  for (const name of ["read_bytes", "written_bytes", "closed_first"]) {
    const value = phases[name];
    if (typeof value === "number" || typeof value === "string") {
      attributes[name] = value;
    }
  }
  return attributes;
}
