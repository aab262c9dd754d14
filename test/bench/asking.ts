import type { ChildProcess } from 'node:child_process';

type Asked = { readonly id: number; readonly name: string; readonly argument: unknown };
type Answered = { readonly id: number } & (
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string }
);

/** What a process of a benchmark can be asked, by name: one argument and one answer each, both plain data. */
export type Answers = Readonly<Record<string, (argument: never) => unknown>>;

export type Ask<A extends Answers> = <Name extends keyof A & string>(
  name: Name,
  argument: Parameters<A[Name]>[0],
) => Promise<Awaited<ReturnType<A[Name]>>>;

/** Asks a child whose program calls `answerWith`. Rejects when it dies or cannot answer. */
export function asking<A extends Answers>(child: ChildProcess): Ask<A> {
  let asked = 0;
  return (name, argument) =>
    new Promise((resolve, reject) => {
      asked += 1;
      const question: Asked = { id: asked, name, argument };
      const end = () => {
        child.off('message', hear);
        child.off('exit', died);
      };
      const died = () => {
        end();
        reject(new Error(`the process died while it was asked for ${name}`));
      };
      const hear = (answer: Answered) => {
        if (answer.id !== question.id) return;
        end();
        if (answer.ok) resolve(answer.value as Awaited<ReturnType<A[typeof name]>>);
        else reject(new Error(`${name}: ${answer.reason}`));
      };
      child.on('message', hear);
      child.once('exit', died);
      child.send(question, (error) => {
        if (error === null) return;
        end();
        reject(error);
      });
    });
}

/** Answers the parent's questions, any number at a time. */
export function answerWith(answers: Answers): void {
  process.on('message', async ({ id, name, argument }: Asked) => {
    const reply = (answer: Answered) => process.send?.(answer);
    try {
      const answer = answers[name];
      if (answer === undefined) throw new Error('no such question');
      reply({ id, ok: true, value: await answer(argument as never) });
    } catch (error) {
      reply({ id, ok: false, reason: error instanceof Error ? `${error.stack}` : String(error) });
    }
  });
}
