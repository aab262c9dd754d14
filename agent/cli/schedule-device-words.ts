import { type HomeProblem, indoorCAtEnd, type PlanValue, type Schedule } from '../../optimizer/index.ts';
import { listed, periodsOf, whenOf } from './clock-words.ts';

/** Why each device does what it does, by the home's own price of energy: what one more kWh would cost it then. */
export function deviceWords(problem: HomeProblem, value: PlanValue): string[] {
  const compared: Compared = {
    problem,
    plan: (value.together ?? value.alone).schedule,
    usual: value.noPlan.schedule,
    pricePerKwh: value.multipliers.energyPerKwh,
  };
  return [
    batteryWords(compared),
    vehicleWords(compared),
    houseWords(compared),
    ...shiftableWords(compared),
    thrownAwayWords(compared),
  ].filter((words) => words !== undefined);
}

type Compared = {
  readonly problem: HomeProblem;
  readonly plan: Schedule;
  /** Without a plan. */
  readonly usual: Schedule;
  readonly pricePerKwh: Float64Array;
};

/** Less energy than this over the day is nothing to speak of, kWh. */
const worthTellingKwh = 0.05;

function batteryWords(compared: Compared): string | undefined {
  const { problem, plan } = compared;
  const { battery } = problem;
  if (!battery) return undefined;
  const inKwh = energyOf(problem, plan.batteryChargeKw);
  const outKwh = energyOf(problem, plan.batteryDischargeKw);
  if (Math.max(inKwh, outKwh) < worthTellingKwh) {
    const lost = 100 * (1 - battery.chargeEfficiency * battery.dischargeEfficiency);
    return `Battery: stands still. No two hours differ enough in price to pay for its losses (${lost.toFixed(0)} %) and its wear (${price(battery.wearPerKwh)} a kWh each way).`;
  }
  const sentences: string[] = [];
  if (inKwh >= worthTellingKwh) {
    const spareKw = sunToSpare(problem, plan);
    const sunnyKw = plan.batteryChargeKw.map((kw, t) => Math.min(kw, spareKw[t]!));
    const share = energyOf(problem, sunnyKw) / inKwh;
    const sun =
      share > 0.98
        ? ', all of it sun to spare'
        : share > 0.02
          ? `, ${(100 * share).toFixed(0)} % of it sun to spare`
          : '';
    sentences.push(`charges ${inKwh.toFixed(1)} kWh${sun}: ${told(compared, plan.batteryChargeKw)}.`);
  }
  if (outKwh >= worthTellingKwh) sentences.push(`Gives ${told(compared, plan.batteryDischargeKw)}.`);
  return `Battery: ${sentences.join(' ')} It begins with ${battery.initialKwh.toFixed(1)} kWh and ends with ${plan.batteryKwh.at(-1)!.toFixed(1)}.`;
}

function vehicleWords(compared: Compared): string | undefined {
  const { problem, plan, usual } = compared;
  if (energyOf(problem, plan.evChargeKw) + energyOf(problem, plan.evDischargeKw) < worthTellingKwh)
    return undefined;
  const usualHours = whenOf(problem, usual.evChargeKw);
  const otherwise =
    usualHours === '' || usualHours === whenOf(problem, plan.evChargeKw)
      ? ''
      : ` Without a plan: ${usualHours}.`;
  const gives =
    energyOf(problem, plan.evDischargeKw) < worthTellingKwh
      ? ''
      : ` Gives ${told(compared, plan.evDischargeKw)}.`;
  return `Vehicle: charges ${told(compared, plan.evChargeKw)}.${gives}${otherwise}`;
}

function houseWords({ problem, plan, usual }: Compared): string | undefined {
  if (!problem.hvac) return undefined;
  const least = Math.min(...plan.indoorC).toFixed(1);
  const most = Math.max(...plan.indoorC).toFixed(1);
  const used = energyOf(problem, plan.hvacKw).toFixed(1);
  const otherwise = energyOf(problem, usual.hvacKw).toFixed(1);
  return `Heat pump: uses ${used} kWh (without a plan: ${otherwise}) and keeps the house at ${least} to ${most} °C; ${problem.hvac.preferredC.toFixed(1)} is wanted.${atTheEnd(problem, plan)}`;
}

/** Half of the last digit that is told. */
const tellingK = 0.05;

function atTheEnd(problem: HomeProblem, plan: Schedule): string {
  const { finalIndoorC, gainKPerKw } = problem.hvac!;
  const endC = indoorCAtEnd(problem, plan)!;
  if (finalIndoorC === undefined) return ` It ends at ${endC.toFixed(1)}.`;
  const lackingK = Math.sign(gainKPerKw) * (finalIndoorC - endC);
  return lackingK < tellingK
    ? ` It ends at ${endC.toFixed(1)}.`
    : ` It ends at ${endC.toFixed(1)}: ${finalIndoorC.toFixed(1)} was asked for, and cannot be reached.`;
}

function shiftableWords({ problem, plan }: Compared): string[] {
  return (problem.shiftableLoads ?? []).flatMap(({ preferredKw }, k) => {
    const runKw = plan.shiftableKw[k]!;
    const kwh = energyOf(problem, runKw);
    if (kwh < worthTellingKwh) return [];
    const hours = whenOf(problem, runKw);
    const wished = whenOf(problem, preferredKw);
    const wish = hours === wished ? ', as preferred' : ` (preferred: ${wished})`;
    return [`Shiftable load: ${kwh.toFixed(1)} kWh at ${hours}${wish}.`];
  });
}

function thrownAwayWords({ problem, plan }: Compared): string | undefined {
  const thrownKw = plan.pvUsedKw.map((kw, t) =>
    Math.max(0, (problem.pvKw?.[t] ?? 0) - kw - plan.feedInKw[t]!),
  );
  const kwh = energyOf(problem, thrownKw);
  if (kwh < worthTellingKwh) return undefined;
  return `PV: ${kwh.toFixed(1)} kWh are thrown away at ${whenOf(problem, thrownKw)}; feeding them in would bring nothing or is not allowed.`;
}

/** PV that neither load nor heat pump nor vehicle takes, by slot. */
function sunToSpare(problem: HomeProblem, plan: Schedule): Float64Array {
  return plan.hvacKw.map((hvacKw, t) => {
    const shiftableKw = plan.shiftableKw.reduce((sum, load) => sum + load[t]!, 0);
    const useKw = problem.baseLoadKw[t]! + hvacKw + plan.evChargeKw[t]! + shiftableKw;
    return Math.max(0, (problem.pvKw?.[t] ?? 0) - useKw);
  });
}

/** `8.2 kWh at 11-15 h (worth 0.012 a kWh here) and 2.9 kWh at 21-24 h (0.260)`. */
function told({ problem, pricePerKwh }: Compared, kw: Float64Array): string {
  const parts = periodsOf(problem, kw).map(({ fromSlot, toSlot, text }, i) => {
    const flow = kw.slice(fromSlot, toSlot);
    const sum = flow.reduce((before, one) => before + one, 0);
    const worth = flow.reduce((before, one, k) => before + one * pricePerKwh[fromSlot + k]!, 0) / sum;
    const each = i === 0 ? `worth ${price(worth)} a kWh here` : price(worth);
    return `${energyOf(problem, flow).toFixed(1)} kWh at ${text} (${each})`;
  });
  return listed(parts);
}

function energyOf({ slotHours }: HomeProblem, kw: ArrayLike<number>): number {
  return Array.from(kw).reduce((sum, flow) => sum + slotHours * flow, 0);
}

function price(perKwh: number): string {
  const text = perKwh.toFixed(3);
  return text === '-0.000' ? '0.000' : text;
}
