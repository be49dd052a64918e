import { setFlagsFromString } from 'node:v8'

/** In the units of V8, which has 67,584: about the bytes of bytecode that a function runs through. */
const interruptBudget = 2_000_000

/** Of V8: that of Node.js 20. */
const lastVersion = 11

/**
 * For a process that lives long and comes to life among others: V8 optimises a function only after some 50 ms in it, in
 * place of 2. What runs for a moment when nodes join, each function a little, is done before its optimised form would
 * be; that work is a third of all that a join costs, and it comes when a machine that starts many nodes has least time.
 */
export function optimiseLate(): void {
  // Later ones, from Node.js 22 on, count calls and optimise in two steps, of which the first is cheap; they refuse the flag.
  if (Number.parseInt(process.versions.v8, 10) > lastVersion) return
  setFlagsFromString(`--interrupt-budget=${interruptBudget}`)
}
