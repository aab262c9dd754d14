import { z } from 'zod';
import type { HomeProblem } from '../../optimizer/index.ts';
import { AgentError } from '../errors.ts';
import { readInputText } from '../input-text.ts';
import { parseJsonText } from './json-text.ts';

/** A home's problem as somebody wrote it down, and what it may say besides. */
export type WrittenProblem = {
  readonly problem: HomeProblem;
  readonly home?: string;
  readonly day?: string;
  readonly currency?: string;
  /** What the neighbours pay for its fixed trade. */
  readonly received?: number;
  readonly tradePricePerKwh?: readonly number[];
};

/** A fortnight of five-minute slots with everything in it is a tenth of this. */
const fileBytesMax = 16 * 1024 * 1024;

/**
 * Reads a HomeProblem as JSON: by itself, or under `problem` in an object such as a report of `schedule --json`.
 * Limits at the meter may be null where there is none. Whether the figures make sense is the optimizer's to say.
 *
 * @throws AgentError AGENT_FILE_MISSING, or AGENT_BAD_DATA naming the file and the field.
 */
export async function readProblemFile(file: string): Promise<WrittenProblem> {
  return parseProblem(parseJsonText(await readInputText(file, { bytesMax: fileBytesMax }), file), file);
}

/** @param source where it comes from, for people. @throws AgentError AGENT_BAD_DATA naming the field. */
export function parseProblem(value: unknown, source: string): WrittenProblem {
  const isWrapped = typeof value === 'object' && value !== null && 'problem' in value;
  return parsed(isWrapped ? wrapperSchema : bareSchema, value, source) as WrittenProblem;
}

/**
 * A problem of this program's own making: what its vehicle and heat pump tell beside what a problem is made of is
 * left out, where a file is refused for it.
 *
 * @throws AgentError AGENT_BAD_DATA naming the field.
 */
export function parseOwnProblem(value: unknown, source: string): HomeProblem {
  return parsed(ownProblemSchema, value, source) as HomeProblem;
}

function parsed(schema: z.ZodType, value: unknown, source: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const field = issue.path
    .filter((part) => part !== 'problem')
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  const where = field === '' ? source : `${source}, field ${field}`;
  throw new AgentError('AGENT_BAD_DATA', `${where}: ${lowered(issue.message)}.`, { source, field });
}

const lowered = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

const series = z.array(z.number());

const storeFields = {
  capacityKwh: z.number(),
  chargeKwMax: z.number(),
  dischargeKwMax: z.number(),
  chargeEfficiency: z.number(),
  dischargeEfficiency: z.number(),
  initialKwh: z.number(),
  wearPerKwh: z.number(),
};

const tradeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('fixed'), soldKw: series }),
  z.strictObject({
    kind: z.literal('priced'),
    pricePerKwh: series,
    penaltyPerKwhPerKw: z.number(),
    targetSoldKw: series,
  }),
]);

/** JSON knows no infinity. */
const limits = (none: number) =>
  z.array(
    z
      .number()
      .nullable()
      .transform((kw) => kw ?? none),
  );

const evSchema = z.strictObject({
  ...storeFields,
  present: series,
  energyKwhMin: series,
  drivenKwh: series,
});

const hvacSchema = z.strictObject({
  powerKwMax: z.number(),
  resistanceKPerKw: z.number(),
  capacitanceKwhPerK: z.number(),
  gainKPerKw: z.number(),
  outdoorC: series,
  preferredC: z.number(),
  indoorCMin: z.number(),
  indoorCMax: z.number(),
  finalIndoorC: z.number().optional(),
  indoorCInitial: z.number(),
  powerKwInitial: z.number(),
  discomfortPerK2h: z.number(),
});

const problemSchema = z.strictObject({
  slots: z.number(),
  slotHours: z.number(),
  importPricePerKwh: series,
  feedInPricePerKwh: series,
  importKwMax: z.number(),
  demandCharge: z.strictObject({ pricePerKw: z.number(), meteredPeakKw: z.number() }).optional(),
  baseLoadKw: series,
  pvKw: series.optional(),
  battery: z
    .strictObject({ ...storeFields, energyKwhMin: z.number(), finalKwhMin: z.number().optional() })
    .optional(),
  ev: evSchema.optional(),
  hvac: hvacSchema.optional(),
  shiftableLoads: z
    .array(
      z.strictObject({
        fromSlot: z.number(),
        toSlot: z.number(),
        powerKwMax: z.number(),
        preferredKw: series,
        discomfortPerKw2h: z.number(),
      }),
    )
    .optional(),
  demandResponse: z
    .strictObject({
      form: z.enum(['opt-in', 'as-published']),
      rewardPerKwh: series,
      baselineKw: series,
    })
    .optional(),
  netImportKwMin: limits(-Infinity).optional(),
  netImportKwMax: limits(Infinity).optional(),
  trade: tradeSchema.default({ kind: 'none' }),
});

const ownProblemSchema = problemSchema.extend({
  ev: evSchema.strip().optional(),
  hvac: hvacSchema.strip().optional(),
});

const bareSchema = problemSchema.transform((problem) => ({ problem }));

/** A report says much more than the problem; what it says besides is left alone. */
const wrapperSchema = z.object({
  problem: problemSchema,
  home: z.string().max(64).optional(),
  day: z.string().max(32).optional(),
  currency: z.string().max(16).optional(),
  received: z.number().optional(),
  tradePricePerKwh: series.optional(),
});
