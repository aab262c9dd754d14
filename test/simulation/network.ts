import type { Envelope } from '../../consensus/network/index.ts';
import type { Agenda } from './agenda.ts';
import type { Count } from './counts.ts';
import type { Random } from './random.ts';
import type { Subject } from './subject.ts';

/** What the network does until it heals, and how long it takes after. */
export type Weather = {
  readonly lossRate: number;
  readonly duplicateRate: number;
  readonly delayMs: readonly [low: number, high: number];
  readonly healedDelayMs: readonly [low: number, high: number];
  /** Sides are drawn anew this often; null for no partitions. */
  readonly partitionMs: readonly [low: number, high: number] | null;
  /** One direction of a link may be cut and the other not. */
  readonly oneWay: boolean;
  /** Further loss by kind of message: what a liar among the brokers would do. */
  readonly lossByKind: Readonly<Record<string, number>>;
  /** Messages go through the real encoding, both ways. */
  readonly asBytes: boolean;
};

export type Network = {
  readonly send: (from: number, to: number, envelope: Envelope) => void;
  /** Nothing to or from a place, for a while. */
  readonly cutOff: (place: number, durationMs: number) => void;
  readonly isHealed: () => boolean;
  readonly deliveries: () => number;
};

type Options = {
  readonly weather: Weather;
  readonly healedAtMs: number;
  readonly places: number;
  readonly agenda: Agenda;
  readonly random: Random;
  readonly subject: Subject;
  /** What a story written by hand has lost, beside chance, also in good weather. */
  readonly isLost: (passage: Passage) => boolean;
  readonly count: Count;
  readonly deliver: (to: number, from: number, envelope: Envelope) => void;
};

/** One envelope on its way between two places. */
export type Passage = {
  readonly from: number;
  readonly to: number;
  readonly envelope: Envelope;
  readonly atMs: number;
};

export function createNetwork({
  weather,
  healedAtMs,
  places,
  agenda,
  random,
  subject,
  isLost: isLostByPlan,
  count,
  deliver,
}: Options): Network {
  let deliveries = 0;
  /** By sender, then receiver. */
  let cut: boolean[][] = [];
  const cutOffUntilMs = new Array<number>(places).fill(0);
  const isHealed = () => agenda.nowMs() >= healedAtMs;

  const divide = () => {
    if (weather.partitionMs === null || isHealed()) return;
    const sides = Array.from({ length: places }, () => random.below(2));
    cut = sides.map((from) =>
      sides.map((to) => (weather.oneWay ? random.chance(0.4) : from !== to && random.chance(0.9))),
    );
    if (random.chance(0.3)) cut = [];
    agenda.plan(random.between(...weather.partitionMs), divide);
  };
  divide();

  const isLost = (from: number, to: number, envelope: Envelope): boolean => {
    if (cutOffUntilMs[from]! > agenda.nowMs() || cutOffUntilMs[to]! > agenda.nowMs()) return true;
    if (isLostByPlan({ from, to, envelope, atMs: agenda.nowMs() })) return true;
    if (isHealed()) return false;
    if (cut[from]?.[to] === true || random.chance(weather.lossRate)) return true;
    const kindLoss = weather.lossByKind[kindOf(envelope)];
    return kindLoss !== undefined && random.chance(kindLoss);
  };

  return {
    send(from, to, envelope) {
      if (isLost(from, to, envelope)) {
        count('messages lost');
        return;
      }
      const received = weather.asBytes ? throughBytes(subject, envelope) : envelope;
      if (received === null) return;
      const isTwice = random.chance(weather.duplicateRate);
      if (isTwice) count('messages twice');
      for (let copies = isTwice ? 2 : 1; copies > 0; copies -= 1) {
        const delayMs = random.between(...(isHealed() ? weather.healedDelayMs : weather.delayMs));
        agenda.plan(delayMs, () => {
          deliveries += 1;
          deliver(to, from, received);
        });
      }
    },
    cutOff(place, durationMs) {
      cutOffUntilMs[place] = agenda.nowMs() + durationMs;
    },
    isHealed,
    deliveries: () => deliveries,
  };
}

export function kindOf(envelope: Envelope): string {
  return 'message' in envelope ? envelope.message.kind : envelope.channel;
}

/** A liar may have made what no bytes can say: then there is nothing to receive. */
function throughBytes({ network }: Subject, envelope: Envelope): Envelope | null {
  const decoded = network.decodeEnvelope(envelope.channel, network.encodeEnvelope(envelope));
  return decoded.ok ? decoded.envelope : null;
}
