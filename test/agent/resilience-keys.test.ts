import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { parse, stringify } from 'yaml';
import type { CommitteeAnswer } from '../../agent/diagnostics/committee-answer.ts';
import { askLocalApi, orderLocalApi } from '../../agent/diagnostics/local-api.ts';
import type { Rotated } from '../../agent/own-key.ts';
import type { VoteAnswer } from '../../agent/roles/validator.ts';
import {
  drawKey,
  inspectKeyFile,
  nodeKeyOf,
  readKeyFile,
  replaceKeyFile,
  toHex,
} from '../../consensus/index.ts';
import { openStreet, type StreetHome, untilAll } from './street.ts';

/** Keys and seats while real processes agree over a real broker. */

const keyFileOf = ({ place }: StreetHome) => join(place.directory, 'key.json');
const committeeOf = ({ place }: StreetHome) =>
  askLocalApi(place.directory, '/committee') as Promise<CommitteeAnswer>;
const telling = { findOut: 'Look.' };
const rotate = ({ place }: StreetHome) =>
  orderLocalApi(place.directory, '/rotate-key', {}, telling) as Promise<Rotated>;

/** One after the other; each knows the votes before its own, as people would who tell each other. */
async function vote(homes: readonly StreetHome[], ballot: object): Promise<void> {
  for (const home of homes) {
    const { height } = (await orderLocalApi(home.place.directory, '/vote', ballot, telling)) as VoteAnswer;
    await untilAll(homes, 'the vote is known', ({ ledger }) => ledger.height >= height);
  }
}

t.setTimeout(120_000);

t.test('keys change and are lost, seats are taken and given back, and the ledger goes on', async (t) => {
  const street = await openStreet(t, { slots: 2, homes: 5 });
  const [first, second, third, fourth, lost] = street.homes as [
    StreetHome,
    StreetHome,
    StreetHome,
    StreetHome,
    StreetHome,
  ];
  // One of them keeps its key under a passphrase.
  const passphraseFile = join(second.place.directory, 'passphrase');
  await writeFile(passphraseFile, 'under the stairs\n', { mode: 0o600 });
  await replaceKeyFile(keyFileOf(second), await readKeyFile(keyFileOf(second)), {
    passphrase: 'under the stairs',
  });
  const config = parse(await readFile(second.place.configFile, 'utf8'));
  await writeFile(second.place.configFile, stringify({ ...config, passphraseFile }));

  await street.tellEvening();
  await Promise.all(street.homes.map((home) => home.start()));
  await untilAll(street.homes, 'the day is opened', ({ ledger }) => ledger.height > 2);

  await t.test('a key changes under the running validator, and over its death', async (t) => {
    for (const asked of ['x', [], { motion: 'drop' }, null])
      await t.rejects(orderLocalApi(second.place.directory, '/rotate-key', asked, telling), {
        code: 'AGENT_BAD_DATA',
      });
    const before = await inspectKeyFile(keyFileOf(second));
    const { address, publicKey } = await rotate(second);
    t.equal(address, before.address, 'the address stays');
    t.not(publicKey, before.publicKey);
    t.same(await inspectKeyFile(keyFileOf(second)), { address, publicKey, sealed: true });
    const seat = (await committeeOf(second)).validators.find((member) => member.address === address);
    t.equal(seat?.publicKey, publicKey, 'the seat is the new key’s');
    await second.kill();
    await second.start();
    await untilAll([second], 'it signs again', ({ ledger }) => ledger.validator && !ledger.votesInDoubt);
    await vote([second], { motion: 'drop', target: lost.place.address, publicKey: null });
    t.pass('and what it signs counts');
  });

  await t.test('a change that a death breaks off is taken up again, with one new key', async (t) => {
    const before = await inspectKeyFile(keyFileOf(third));
    const ordered = rotate(third).then(
      () => undefined,
      (error: unknown) => error,
    );
    while (!existsSync(`${keyFileOf(third)}.next`)) await new Promise((resolve) => setTimeout(resolve, 2));
    await third.kill();
    t.match(await ordered, { code: 'AGENT_ANSWER_LOST', message: /may have been carried out/ });
    const drawn = await inspectKeyFile(
      existsSync(`${keyFileOf(third)}.next`) ? `${keyFileOf(third)}.next` : keyFileOf(third),
    );
    t.not(drawn.publicKey, before.publicKey, 'the new key is on disk before anybody hears of it');
    await third.start();
    await untilAll([third], 'it signs again', ({ ledger }) => ledger.keyIsKnown && !ledger.votesInDoubt);
    const { publicKey } = await rotate(third);
    t.match(await inspectKeyFile(keyFileOf(third)), { address: before.address, publicKey });
    t.notOk(existsSync(`${keyFileOf(third)}.next`), 'nothing is left of it');
    await vote([third], { motion: 'drop', target: second.place.address, publicKey: null });
    t.pass('and what it signs counts');
  });

  await t.test('a change that nobody has finished is told of until somebody does', async (t) => {
    await fourth.kill();
    const next = nodeKeyOf(drawKey().privateKey, fourth.place.address);
    await replaceKeyFile(`${keyFileOf(fourth)}.next`, next);
    await fourth.start();
    t.match(await fourth.status(), { ledger: { keyIsChanging: true } });
    t.equal((await rotate(fourth)).publicKey, toHex(next.publicKey));
    t.match(await fourth.status(), { ledger: { keyIsChanging: false, keyIsKnown: true } });
  });

  await t.test('a lost meter is revoked by more than half, and sends nothing more', async (t) => {
    const ballot = { motion: 'revoke', target: lost.place.address, publicKey: null };
    await vote([first, second], ballot);
    const { validators, motions, majority } = await committeeOf(second);
    t.equal(validators.length, 5);
    t.equal(majority, 3);
    t.equal(motions.find(({ motion }) => motion === 'revoke')?.signers.length, 2);
    await vote([third], ballot);
    await untilAll([lost], 'it has no seat', ({ ledger }) => !ledger.validator);
    t.equal((await committeeOf(third)).validators.length, 4);
    await t.rejects(vote([first], { motion: 'drop', target: 'ab'.repeat(20), publicKey: null }), {
      code: 'AGENT_REFUSED',
      message: /has no seat/,
    });
    const offCurve = `02${'ff'.repeat(32)}`;
    await t.rejects(vote([first], { motion: 'rekey', target: lost.place.address, publicKey: offCurve }), {
      code: 'AGENT_BAD_DATA',
      message: /no point of the curve/,
    });
    await t.rejects(vote([lost], { ...ballot, target: first.place.address }), { code: 'AGENT_REFUSED' });
    await t.rejects(rotate(lost), { code: 'AGENT_REFUSED' });
    t.notOk(existsSync(`${keyFileOf(lost)}.next`), 'a key that was refused is not kept');
  });

  await t.test('its replacement has a new key, its address and its seat again', async (t) => {
    await lost.kill();
    const next = nodeKeyOf(drawKey().privateKey, lost.place.address);
    const publicKey = toHex(next.publicKey);
    await vote([first, third, fourth], { motion: 'rekey', target: lost.place.address, publicKey });
    await vote([first, third, fourth], { motion: 'add', target: lost.place.address, publicKey });
    t.equal((await committeeOf(fourth)).validators.length, 5);
    await replaceKeyFile(keyFileOf(lost), next);
    await lost.start();
    await untilAll([lost], 'it signs again', ({ ledger }) => ledger.validator && !ledger.votesInDoubt);
    // With two others away its seal is needed for every block: four of five.
    await second.kill();
    await vote([lost], { motion: 'drop', target: second.place.address, publicKey: null });
    t.pass('and what it signs counts');
  });
});
