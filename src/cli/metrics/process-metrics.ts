import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Meter } from '@opentelemetry/api'
import { type Metric, processMetrics } from '../../metrics/catalogue.ts'

/** The event loop is looked at this often; a look is a timer of its own. */
const resolutionMs = 50

/** Measures this process, until it is over. */
export function measureProcess(meter: Meter): void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs })
  delay.enable()
  const begun = performance.eventLoopUtilization()
  const options = (name: keyof typeof processMetrics) => {
    const { unit, about }: Metric = processMetrics[name]
    return { unit, description: about }
  }
  const gauge = (name: keyof typeof processMetrics) => meter.createObservableGauge(name, options(name))
  const p50 = gauge('nodejs.eventloop.delay.p50')
  const p99 = gauge('nodejs.eventloop.delay.p99')
  const max = gauge('nodejs.eventloop.delay.max')
  const utilization = gauge('nodejs.eventloop.utilization')
  const uptime = gauge('process.uptime')
  const cpu = meter.createObservableCounter('process.cpu.time', options('process.cpu.time'))
  const memory = meter.createObservableUpDownCounter('process.memory.usage', options('process.memory.usage'))
  meter.addBatchObservableCallback(
    (result) => {
      // What is looked at is how far apart its looks were.
      const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - resolutionMs / 1000)
      result.observe(p50, late(delay.percentile(50)))
      result.observe(p99, late(delay.percentile(99)))
      result.observe(max, late(delay.max))
      delay.reset()
      result.observe(utilization, performance.eventLoopUtilization(begun).utilization)
      result.observe(uptime, process.uptime())
      const { user, system } = process.cpuUsage()
      result.observe(cpu, user / 1e6, { 'cpu.mode': 'user' })
      result.observe(cpu, system / 1e6, { 'cpu.mode': 'system' })
      result.observe(memory, process.memoryUsage.rss())
    },
    [p50, p99, max, utilization, uptime, cpu, memory],
  )
}
