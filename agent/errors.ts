export type AgentErrorCode =
  | 'AGENT_BAD_OPTION'
  | 'AGENT_BAD_CONFIG'
  | 'AGENT_BAD_DATA'
  | 'AGENT_FILE_MISSING'
  | 'AGENT_STORE_IN_DOUBT'
  | 'AGENT_DISK_FULL'
  | 'AGENT_CHILD_FAILED'
  | 'AGENT_INFEASIBLE'
  | 'AGENT_UNSOLVED'
  | 'AGENT_NOT_READY'
  | 'AGENT_REFUSED'
  | 'AGENT_ANSWER_LOST'
  | 'AGENT_NOT_PROVEN'
  | 'AGENT_TIMEOUT'
  | 'AGENT_ABORTED';

/** What went wrong at the edge of the program, with the next step in `message` where there is one. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly code: AgentErrorCode;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(
    code: AgentErrorCode,
    message: string,
    details: Record<string, string | number> = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.details = Object.freeze({ ...details });
  }
}
