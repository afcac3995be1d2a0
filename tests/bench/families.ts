/**
 * Every family of scenarios, in the order of the table.
 * @module
 */
import type { Family } from "./bench_world.ts";
import { accountFamily } from "./families/account.ts";
import { carrierFamily } from "./families/carrier.ts";
import { firstByteFamily } from "./families/first_byte.ts";
import { gitalySshFamily } from "./families/gitaly_ssh.ts";
import { keysFamily } from "./families/keys.ts";
import { lfsFamily } from "./families/lfs.ts";
import { opensshFamily } from "./families/openssh.ts";
import { phasesFamily } from "./families/phases.ts";
import { sessionsFamily } from "./families/sessions.ts";
import { sshdCrowdFamily } from "./families/sshd_crowd.ts";
import { sshdLoadFamily } from "./families/sshd_load.ts";
import { sshdLoginsFamily } from "./families/sshd_logins.ts";
import { sshdTransferFamily } from "./families/sshd_transfer.ts";
import { startFamily } from "./families/start.ts";
import { transferFamily } from "./families/transfer.ts";

/** Chosen by their names. */
export const FAMILIES: readonly Family[] = [
  startFamily,
  phasesFamily,
  accountFamily,
  firstByteFamily,
  transferFamily,
  lfsFamily,
  sessionsFamily,
  opensshFamily,
  sshdLoginsFamily,
  sshdTransferFamily,
  sshdCrowdFamily,
  sshdLoadFamily,
  gitalySshFamily,
  carrierFamily,
  keysFamily,
];
