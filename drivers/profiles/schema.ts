import { z } from 'zod';

/** Types a profile may name: those of registers.ts without SunSpec's own. */
const pointTypes = [
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float32',
  'float64',
  'string',
] as const;

const pointSchema = z
  .strictObject({
    table: z.enum(['holding', 'input']),
    address: z.int().min(0).max(0xffff),
    type: z.enum(pointTypes),
    registers: z.int().min(1).max(64).optional().describe('length of a string'),
    order: z.enum(['big', 'little']).default('big').describe('order of the words of a value'),
    scale: z
      .number()
      .refine((scale) => scale !== 0, 'must not be 0')
      .default(1),
    offset: z.number().default(0).describe('value = raw * scale + offset'),
    na: z.array(z.number()).default([]).describe('raw values that mean: not available'),
    min: z.number().optional().describe('a value below is implausible'),
    max: z.number().optional().describe('a value above is implausible'),
    values: z.record(z.string(), z.string()).optional().describe('raw value to word'),
    access: z.enum(['r', 'rw']).default('r'),
  })
  .refine((point) => (point.type === 'string') === (point.registers !== undefined), {
    path: ['registers'],
    message: 'must be told for a string, and for nothing else',
  })
  .refine((point) => point.access === 'r' || (point.table === 'holding' && point.type !== 'string'), {
    path: ['access'],
    message: 'only numbers in holding registers can be written',
  });

const bound = z.union([z.number().min(0), z.string()]).describe('a number, or the point that tells it');

const controlSchema = z.strictObject({
  setPoint: z.string(),
  unit: z.enum(['W', 'A']).describe('A: converted by voltageV and phases, rounded down to the register step'),
  voltageV: z.number().min(100).max(500).default(230),
  phases: z.union([z.int().min(1).max(3), z.string()]).default(1),
  min: bound.default(0).describe('less than this, and not 0, is written as 0'),
  max: bound,
  effect: z.string().optional().describe('the point that shows what the device made of the set-point'),
  tolerance: z.number().min(0).default(0).describe('in the unit of the set-point'),
  watchdog: z.union([
    z
      .strictObject({ timeout: z.string(), unit: z.enum(['s', 'ms']), max: z.int().min(1) })
      .describe('the device falls back after what is written there'),
    z
      .strictObject({ fixedS: z.number().positive(), refreshS: z.number().positive() })
      .describe('the device falls back after a time of its own: the driver repeats the set-point'),
  ]),
  release: z.record(z.string(), z.number()).describe('what is written to give control back'),
  storage: z.enum(['ram', 'flash', 'unknown']).default('unknown'),
  intervalMsMin: z.int().min(0).default(0),
  writesPerDayMax: z
    .int()
    .min(1)
    .optional()
    .describe('default: none in ram, 200 in flash, 5000 when unknown'),
});

const requiredPoints = { evse: ['state', 'powerW'], hvac: ['powerW'] } as const;

/** A device described as data. Docs: each field's own description; examples lie beside this file. */
export const profileSchema = z
  .strictObject({
    profile: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
    version: z.literal(1),
    kind: z.enum(['evse', 'hvac']),
    description: z.string(),
    source: z.string().optional().describe('where the facts come from'),
    notes: z.array(z.string()).default([]),
    modbus: z.strictObject({
      port: z.int().min(1).max(65535).default(502),
      unitId: z.int().min(0).max(255).default(1),
      timeoutMs: z.int().min(10).max(60_000).default(1000),
      pauseMs: z.int().min(0).max(5000).default(0),
      registersMax: z.int().min(1).max(125).default(125),
      gapMax: z.int().min(0).max(124).default(0).describe('unused registers one request may run over'),
    }),
    points: z.record(z.string().regex(/^[a-z][A-Za-z0-9]*$/), pointSchema),
    control: controlSchema,
  })
  .superRefine((profile, context) => {
    const complain = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    for (const name of requiredPoints[profile.kind]) {
      if (!profile.points[name]) complain(['points', name], `a profile of kind ${profile.kind} needs it`);
    }
    const { control, points } = profile;
    const refer = (path: (string | number)[], name: unknown, writable = false) => {
      if (typeof name !== 'string') return;
      const point = points[name];
      if (!point) complain(path, `there is no point ${name}`);
      else if (point.type === 'string' || point.values) complain(path, `${name} is no number`);
      else if (writable && point.access !== 'rw') complain(path, `${name} is read only`);
    };
    refer(['control', 'setPoint'], control.setPoint, true);
    refer(['control', 'effect'], control.effect);
    refer(['control', 'min'], control.min);
    refer(['control', 'max'], control.max);
    refer(['control', 'phases'], control.phases);
    if ('timeout' in control.watchdog)
      refer(['control', 'watchdog', 'timeout'], control.watchdog.timeout, true);
    else if (control.watchdog.refreshS >= control.watchdog.fixedS) {
      complain(['control', 'watchdog', 'refreshS'], 'must be shorter than fixedS');
    }
    for (const name of Object.keys(control.release)) refer(['control', 'release', name], name, true);
    if (Object.keys(control.release).length === 0) complain(['control', 'release'], 'must name a point');
  });

export type Profile = z.infer<typeof profileSchema>;
export type ProfilePoint = Profile['points'][string];
