import {
  type HomeProblem,
  type MissedLimit,
  type PlanValue,
  type Saving,
  savingOf,
} from '../../optimizer/index.ts';
import { atClock, whenOf } from './clock-words.ts';
import type { ScheduleSource } from './schedule-source.ts';

/** The whole of it in one line. */
export function headlineWords({ currency }: ScheduleSource, { noPlan, alone, together }: PlanValue): string {
  const now = (together ?? alone).total;
  const changes = [
    { by: 'planning', saved: noPlan.total - alone.total },
    { by: 'trading', saved: together ? alone.total - together.total : 0 },
  ].filter(({ saved }) => Math.abs(saved) >= 0.005);
  const day = now < -0.005 ? `Earns ${money(-now)} ${currency}` : `Costs ${money(now)} ${currency}`;
  if (changes.length === 0) return `${day}, with a plan or without.`;
  const told = changes.map(
    ({ by, saved }) => `${by} ${saved > 0 ? 'saves' : 'loses'} ${money(Math.abs(saved))}`,
  );
  return `${day} instead of ${usually(noPlan.total, now)}: ${told.join(', ')}.`;
}

function usually(total: number, now: number): string {
  const [earns, earnt] = [now < -0.005, total < -0.005];
  if (earns === earnt) return money(Math.abs(total));
  return earnt ? `earning ${money(-total)}` : `costing ${money(total)}`;
}

/** What the plan is worth against each other way of living the day, and what trade adds: one paragraph each. */
export function moneyWords({ problem, currency }: ScheduleSource, value: PlanValue): string[] {
  const { noPlan, selfConsumption, alone, together } = value;
  const saved = savingOf(noPlan, alone);
  const { battery, ev, hvac, shiftableLoads = [] } = problem;
  const canWait = battery || ev || hvac || shiftableLoads.length > 0;
  const nothing = canWait ? '' : ' There is nothing in this home that can wait.';
  const lines = [
    `The plan ${savesWhat(saved, currency)} against no plan${share(saved.total, noPlan.total)}${because(saved)}.${nothing}${brokenBy(problem, noPlan.missed)}`,
  ];
  if (selfConsumption) {
    const more = savingOf(selfConsumption, alone);
    lines.push(
      `Against self-consumption only it ${savesWhat(more, currency)}${because(more)}.${leftBehind(value)}${brokenBy(problem, selfConsumption.missed)}`,
    );
  }
  if (together) {
    const added = savingOf(alone, together);
    const whole = savesWhat(savingOf(noPlan, together), currency);
    lines.push(
      `Trading with the neighbours ${addsWhat(added, currency)}${because(added)}. With it the plan ${whole} in all.`,
    );
    const strayKw = Math.max(...together.schedule.tradeDeviationKw.map(Math.abs));
    if (strayKw > 0.001) {
      lines.push(
        `The trade cannot be kept as it was agreed: the plan departs from it by up to ${strayKw.toFixed(2)} kW.`,
      );
    }
  }
  return lines;
}

/** Which limits no plan keeps, when, and by how much. */
export function infeasibleWords(
  problem: HomeProblem,
  missed: readonly MissedLimit[],
  reason: string,
): string[] {
  if (missed.length === 0) return [`No plan keeps every limit: ${reason}.`];
  const byLimit = new Map<MissedLimit['limit'], MissedLimit[]>();
  for (const miss of missed) byLimit.set(miss.limit, [...(byLimit.get(miss.limit) ?? []), miss]);
  return [
    'No plan keeps every limit. This one misses them by as little as can be.',
    ...[...byLimit.values()].map((misses) => `- ${missedWords(problem, misses)}`),
  ];
}

/** Of one limit. */
function missedWords(problem: HomeProblem, misses: readonly MissedLimit[]): string {
  const { limit, slot, by, unit } = misses[0]!;
  const often = new Set(misses.map((miss) => miss.slot));
  const marks = Array.from({ length: problem.slots }, (_, t) => (often.has(t) ? 1 : 0));
  const when =
    often.size === 1
      ? `at ${atClock(slot, problem.slotHours)}`
      : `at ${whenOf(problem, marks)}, most at ${atClock(slot, problem.slotHours)}`;
  return `${limit} is missed by ${by.toPrecision(3)} ${unit} ${when}`;
}

function brokenBy(problem: HomeProblem, missed: readonly MissedLimit[]): string {
  const worst = missed[0];
  if (worst === undefined) return '';
  const same = missed.filter(({ limit }) => limit === worst.limit);
  return ` (That way does not keep the limits, so it may look cheaper than it can be: ${missedWords(problem, same)}.)`;
}

/** What self-consumption does to tomorrow. */
function leftBehind({ selfConsumption, alone }: PlanValue): string {
  const leftKwh = selfConsumption!.schedule.batteryKwh.at(-1)! - alone.schedule.batteryKwh.at(-1)!;
  if (Math.abs(leftKwh) < 0.1) return '';
  return ` Self-consumption would leave ${Math.abs(leftKwh).toFixed(1)} kWh ${leftKwh < 0 ? 'less' : 'more'} in the battery at the end of the day.`;
}

function savesWhat({ total }: Saving, currency: string): string {
  if (Math.abs(total) < 0.005) return 'saves nothing';
  return total > 0 ? `saves ${money(total)} ${currency}` : `costs ${money(-total)} ${currency} more`;
}

function addsWhat({ total }: Saving, currency: string): string {
  if (Math.abs(total) < 0.005) return 'adds nothing';
  return total > 0 ? `adds ${money(total)} ${currency}` : `costs ${money(-total)} ${currency}`;
}

function share(saving: number, of: number): string {
  if (Math.abs(of) < 0.005 || Math.abs(saving) < 0.005) return '';
  return ` (${((100 * saving) / Math.abs(of)).toFixed(0)} % of ${money(of)})`;
}

const gains: Readonly<Record<Exclude<keyof Saving, 'total'>, readonly [better: string, worse: string]>> = {
  energyBought: ['less for energy from the supplier', 'more for energy from the supplier'],
  energyFedIn: ['more for energy fed in', 'less for energy fed in'],
  neighbours: ['from the neighbours', 'to the neighbours'],
  demandCharge: ['less demand charge', 'more demand charge'],
  demandResponse: ['for demand response', 'less for demand response'],
  wear: ['less wear', 'more wear'],
  comfort: ['more comfort', 'less comfort'],
  endEnergy: ['for energy that would be missing at the end', 'for energy that would be left at the end'],
};

/** ": 0.80 less for energy from the supplier; but 0.07 more wear", largest first. Half a cent is not told. */
function because({ total, ...parts }: Saving): string {
  if (Math.abs(total) < 0.005) return '';
  const told = (Object.entries(parts) as [keyof typeof gains, number][])
    .filter(([, amount]) => Math.abs(amount) >= 0.005)
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const plus = told
    .filter(([, amount]) => amount > 0)
    .map(([part, amount]) => `${money(amount)} ${gains[part][0]}`);
  const minus = told
    .filter(([, amount]) => amount < 0)
    .map(([part, amount]) => `${money(-amount)} ${gains[part][1]}`);
  if (plus.length + minus.length === 0) return '';
  if (minus.length === 0) return `: ${plus.join(', ')}`;
  return plus.length === 0 ? `: ${minus.join(', ')}` : `: ${plus.join(', ')}; but ${minus.join(', ')}`;
}

/** Words need no more than cents. Never "-0.00". */
function money(amount: number): string {
  const text = amount.toFixed(2);
  return text === '-0.00' ? '0.00' : text;
}
