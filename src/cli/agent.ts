import { hostname } from 'node:os'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import {
  type Field,
  fields,
  layerFromFile,
  layerFromFlags,
  layerFromVariables,
  type NodeConfig,
  resolveConfig,
} from '../config.ts'
import { readInput } from './connection.ts'

export function addAgent(program: Command, ended: (code: number) => void): void {
  const command = program
    .command('agent')
    .description('Run one node until it is told to stop.')
    .option('--config-file <FILE>', 'settings in YAML or JSON, by their names in camelCase (REEVE_CONFIG_FILE)')
    .allowUnknownOption()
    .allowExcessArguments()
  for (const field of fields) {
    command.optionsGroup(`${field.group}:`)
    const flag = field.placeholder === '' ? field.flag : `${field.flag} <${field.placeholder}>`
    const text = inHelp(field)
    if (field.isList) command.option(flag, text, (value: string, before: string[] = []) => [...before, value])
    else command.option(flag, text)
  }
  command
    .action(async () => {
      const config = loadConfig(command.opts(), command.args)
      const { loadGossip } = await import('./compile-early.ts')
      await loadGossip()
      const { runAgent } = await import('./run-agent.ts')
      ended(await runAgent(config))
    })
    .addHelpText(
      'after',
      `
Every setting can also be a variable (--node-name is REEVE_NODE_NAME) or stand in the
configuration file (nodeName). Flags win over variables, variables over the file.

Signals:
  SIGTERM, SIGINT   leave the cluster, finish what is under way, stop; again: stop at once
  SIGHUP            read certificates and policies again

Examples:
  $ reeve agent --node-name a
  $ reeve agent --node-name b --bind-addr 127.0.0.1:7947 --rpc-port 8401 --data-dir data-b \\
      --start-join-addrs 127.0.0.1:7946
  $ REEVE_NODE_NAME=c reeve agent --config-file reeve.yaml`,
    )
}

/** A sentence of the table in the voice of help. */
function inHelp({ summary, defaultText, placeholder }: Field): string {
  const text = summary.replace(/^[A-Z](?![A-Z])/, (letter) => letter.toLowerCase()).replace(/\.$/, '')
  return defaultText === '' || placeholder === '' ? text : `${text} (default: ${defaultText})`
}

/** From flags as commander has them, and what it could not place; variables; the file either names. */
export function loadConfig(
  options: Readonly<Record<string, unknown>>,
  leftOver: readonly string[],
  variables: Readonly<Record<string, string | undefined>> = process.env,
): NodeConfig {
  const byAttribute = new Map(fields.map((field) => [attributeOf(field.flag), field.flag]))
  const given = Object.entries(options).flatMap(([attribute, value]) => {
    const flag = byAttribute.get(attribute)
    return flag === undefined ? [] : [[flag, value] as const]
  })
  const layers = [layerFromFlags(new Map(given), unknownWords(leftOver)), layerFromVariables(variables)]
  const path = (options.configFile as string | undefined) ?? variables.REEVE_CONFIG_FILE
  if (path !== undefined) {
    const source = options.configFile === undefined ? 'REEVE_CONFIG_FILE' : '--config-file'
    layers.push(layerFromFile(new TextDecoder().decode(readInput(path, source)), path))
  }
  return resolveConfig(layers, { hostName: hostname(), resolvePath: (path) => resolve(path) })
}

/** commander's name of a flag: `--rpc-port` is `rpcPort`. */
function attributeOf(flag: string): string {
  return flag.slice(2).replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** Unknown flags without the values that seem to belong to them, and words that belong to nothing. */
function unknownWords(words: readonly string[]): string[] {
  return words
    .filter((word, index) => word.startsWith('-') || !(words[index - 1] ?? '').startsWith('-'))
    .map((word) => (word.startsWith('-') ? word.replace(/=.*/s, '') : word))
}
