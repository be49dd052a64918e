/** A log whose lines somebody hears, whether they are printed or not. */

import { type Logger, pino } from 'pino'

/** `heard` is told the fields and the text of each line from level info on; what `log` prints it goes on printing. */
export function hearing(log: Logger, heard: (fields: Readonly<Record<string, unknown>>, line: string) => void): Logger {
  const children = new WeakMap<object, Logger>()
  return pino({
    base: null,
    level: log.isLevelEnabled('debug') ? log.level : 'info',
    hooks: {
      logMethod(args: unknown[], _method, level) {
        const [fields, line] = typeof args[0] === 'string' ? [{}, args[0]] : [args[0], args[1]]
        if (typeof line === 'string') heard((fields ?? {}) as Record<string, unknown>, line)
        const name = pino.levels.labels[level] as 'info'
        if (!log.isLevelEnabled(name)) return
        const printed = children.get(this) ?? log.child(this.bindings())
        children.set(this, printed)
        ;(printed[name] as (...all: unknown[]) => void)(...args)
      },
    },
  })
}
