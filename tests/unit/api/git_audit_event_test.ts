import { assertEquals } from "@std/assert";
import {
  encodeAuditEvent,
  type GitAuditEvent,
} from "../../../src/api/git_audit_event.ts";

const NOTHING_SENT = {
  payloadSize: 0,
  packets: 0,
  caps: [],
  wants: 0,
  haves: 0,
  shallows: 0,
  deepen: "",
  filter: "",
};
const FETCH: GitAuditEvent = {
  action: "git-upload-pack",
  glRepository: "project-88",
  glUsername: "mira",
  glKeyId: 4711,
  packfile: { ...NOTHING_SENT, packets: 6, wants: 1 },
  remoteAddress: "192.0.2.17:40000",
  namespacePath: "",
};

const EVENTS: readonly (readonly [
  name: string,
  part: Partial<GitAuditEvent>,
  json: string,
])[] = [
  [
    "4.3: a fetch",
    {},
    '{"action":"git-upload-pack","protocol":"ssh","gl_repository":"project-88","username":"mira","key_id":4711,"packfile_stats":{"packets":6,"wants":1},"check_ip":"192.0.2.17","changes":"_any"}',
  ],
  [
    "4.3: every figure",
    {
      packfile: {
        payloadSize: 1,
        packets: 2,
        caps: ["a", "b=c"],
        wants: 3,
        haves: 4,
        shallows: 5,
        deepen: "6",
        filter: "blob:none",
      },
      namespacePath: "tanuki",
      remoteAddress: "",
    },
    '{"action":"git-upload-pack","protocol":"ssh","gl_repository":"project-88","username":"mira","key_id":4711,"packfile_stats":{"payload_size":1,"packets":2,"caps":["a","b=c"],"wants":3,"haves":4,"shallows":5,"deepen":"6","filter":"blob:none"},"changes":"_any","namespace_path":"tanuki"}',
  ],
  [
    "4.3: figures that are all zero",
    { packfile: NOTHING_SENT, remoteAddress: "" },
    '{"action":"git-upload-pack","protocol":"ssh","gl_repository":"project-88","username":"mira","key_id":4711,"packfile_stats":{},"changes":"_any"}',
  ],
  [
    "cases 74 and 75: a push without a key",
    {
      action: "git-receive-pack",
      glKeyId: 0,
      glUsername: "",
      packfile: undefined,
      remoteAddress: "",
    },
    '{"action":"git-receive-pack","protocol":"ssh","gl_repository":"project-88","username":"","changes":"_any"}',
  ],
];
for (const [name, part, json] of EVENTS) {
  Deno.test(`internal-api.md ${name} is told as Go tells it`, () => {
    assertEquals(encodeAuditEvent({ ...FETCH, ...part }), json);
  });
}
