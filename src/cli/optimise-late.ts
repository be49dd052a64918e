import { setFlagsFromString } from 'node:v8'
import type { Journal } from '../log/journal.ts'
import { isInternalTopic } from '../log/log-id.ts'

/** In the units of V8: about the bytes of bytecode that a function runs through. */
const interruptBudget = { late: 2_000_000, usual: 67_584 }

/** Of V8: that of Node.js 20. */
const lastVersion = 11

/**
 * For a process that lives long and comes to life among others: V8 optimises a function only after some 50 ms in it, in
 * place of 2. What runs for a moment when nodes join, each function a little, is done before its optimised form would
 * be; that work is a third of all that a join costs, and it comes when a machine that starts many nodes has least time.
 */
export function optimiseLate(): void {
  setBudget(interruptBudget.late)
}

/**
 * Back to what is usual with the first records that this node stores. One record at a time runs through each function
 * once: it would be seconds of that until they are optimised, and each record take half as long again meanwhile.
 */
export function optimiseOnceWritten(journal: Journal): void {
  const unsubscribe = journal.onCommit(({ id }) => {
    if (isInternalTopic(id.topic)) return
    unsubscribe()
    setBudget(interruptBudget.usual)
  })
}

function setBudget(budget: number): void {
  // Later ones, from Node.js 22 on, count calls and optimise in two steps, of which the first is cheap; they refuse the flag.
  if (Number.parseInt(process.versions.v8, 10) > lastVersion) return
  setFlagsFromString(`--interrupt-budget=${budget}`)
}
