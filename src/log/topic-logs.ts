import type { Log } from './log.ts'
import type { TopicRules } from './settings.ts'

const none: readonly Log[] = []

/** What a journal has of one topic. Its logs see at once what changes here. */
export class TopicLogs {
  rules: TopicRules
  /** This run's own; undefined: nothing was appended. */
  own: Log | undefined
  /** Those that have something to read. One that grows in place keeps room for more: a lot, where topics have one log each. */
  visible: readonly Log[] = none

  constructor(rules: TopicRules) {
    this.rules = rules
  }
}
