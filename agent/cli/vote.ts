import { loadConfig } from '../config/load.ts';
import { orderLocalApi } from '../diagnostics/local-api.ts';
import type { VoteAnswer } from '../roles/validator.ts';
import type { CliIo, VoteOptions } from './actions.ts';
import { tellCommittee } from './committee.ts';

/**
 * Lets the running validator vote, and tells how things stand once the vote is final.
 *
 * @throws AgentError AGENT_REFUSED with the contract's reason; AGENT_TIMEOUT when it is not final; others of the local socket.
 */
export async function vote({ configFile, json, ballot }: VoteOptions, io: CliIo): Promise<void> {
  const { directory } = await loadConfig(configFile);
  const { height, isVoid, committee } = (await orderLocalApi(directory, '/vote', ballot, {
    findOut: 'See the votes that stand with gridquorum committee.',
  })) as VoteAnswer;
  io.stderr.write(`The vote is final in block ${height}.\n`);
  if (isVoid)
    io.stderr.write(
      'That block ended an epoch before enough had voted: all votes are void. Vote again, and the others too.\n',
    );
  tellCommittee(committee, { json }, io);
}
