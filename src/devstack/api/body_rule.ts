/**
 * Checks request bodies key by key: what GitLab Shell sends is part of its
 * contract, and a key too many is as wrong as one too few. Pure.
 * @module
 */

/** What one key may hold. */
export interface KeyRule {
  readonly type: "string" | "integer" | "object" | "array";
  readonly isRequired?: boolean;
  readonly isNullable?: boolean;
  /** Whether it must be left out when empty or 0. */
  readonly isOmittedWhenEmpty?: boolean;
  /** The only values it may have. */
  readonly values?: readonly unknown[];
}

/** Rules by key. */
export type BodyRule = ReadonlyMap<string, KeyRule>;

/** @returns One sentence for each fault. */
export function findBodyFaults(
  body: Readonly<Record<string, unknown>>,
  rule: BodyRule,
): string[] {
  const faults: string[] = [];
  for (const [key, { isRequired }] of rule) {
    if (isRequired && !(key in body)) faults.push(`body lacks ${key}`);
  }
  for (const [key, value] of Object.entries(body)) {
    const keyRule = rule.get(key);
    if (!keyRule) faults.push(`body has unknown key ${key}`);
    else faults.push(...findValueFaults(key, value, keyRule));
  }
  return faults;
}

function findValueFaults(key: string, value: unknown, rule: KeyRule): string[] {
  if (value === null && rule.isNullable) return [];
  const shown = JSON.stringify(value);
  if (!isOfType(value, rule.type)) {
    return [`body key ${key} is no ${rule.type}: ${shown}`];
  }
  const faults: string[] = [];
  if (rule.isOmittedWhenEmpty && (value === "" || value === 0)) {
    faults.push(`body key ${key} is empty`);
  }
  if (rule.values && !rule.values.includes(value)) {
    faults.push(`body key ${key} is ${shown}`);
  }
  return faults;
}

function isOfType(value: unknown, type: KeyRule["type"]): boolean {
  switch (type) {
    case "integer":
      return Number.isSafeInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null &&
        !Array.isArray(value);
    case "string":
      return typeof value === "string";
  }
}
