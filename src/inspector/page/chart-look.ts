/** How the view of one chart is laid out. */

import { css } from 'lit'

export const chartLook = css`
  :host {
    display: grid;
    grid-template-columns: minmax(0, 1fr) 340px;
    height: 100%;
  }
  .stage {
    min-height: 0;
    min-width: 0;
    display: grid;
    grid-template-rows: auto minmax(0, 1fr);
  }
  .pick {
    padding: 12px 16px;
    border-bottom: 1px solid var(--frame);
    display: flex;
    gap: 8px;
    align-items: center;
    flex-wrap: wrap;
  }
  .pick select {
    max-width: min(320px, 100%);
  }
  .zoom {
    margin-left: auto;
    display: inline-flex;
    gap: 4px;
  }
  .drawing {
    overflow: auto;
    padding: 16px;
  }
  .drawing:focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: -3px;
  }
  .drawing svg {
    display: block;
    height: auto;
    margin: 0 auto;
    flex: none;
  }
  .drawing.whole {
    display: grid;
    grid-template: minmax(0, 1fr) / minmax(0, 1fr);
    overflow: hidden;
  }
  .drawing.whole svg {
    width: 100%;
    height: 100%;
  }
  aside {
    border-left: 1px solid var(--frame);
    background: var(--raised);
    overflow: auto;
    padding: 16px;
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 18px;
    align-content: start;
  }
  aside section {
    min-width: 0;
  }
  .who {
    display: grid;
    gap: 2px;
    justify-items: start;
  }
  .who > * {
    max-width: 100%;
  }
  .events {
    display: flex;
    flex-wrap: wrap;
    gap: 4px;
    margin-top: 6px;
  }
  .event {
    border: 1px solid var(--frame);
    border-radius: 4px;
    padding: 0 6px;
    font-size: 12px;
  }
  .event.own {
    border-style: dashed;
    color: var(--faint);
  }
  .event.now {
    border-color: var(--accent);
    background: var(--accent-fill);
    color: var(--accent);
  }
  .recent {
    list-style: none;
    margin: 4px 0 0;
    padding: 0;
  }
  .recent li {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr);
    gap: 0 8px;
    padding: 4px 6px;
    margin: 0 -6px;
    border-top: 1px solid var(--rule);
    font-size: 12px;
    overflow-wrap: anywhere;
  }
  .recent .here {
    background: var(--accent-fill);
  }
  .recent .idle {
    color: var(--faint);
  }
  @media (prefers-reduced-motion: no-preference) {
    .chart .edge.hot {
      stroke-dasharray: 10 5;
      animation: pulse 0.5s linear infinite;
    }
    .chart .state > .body {
      transition:
        fill 0.15s,
        stroke 0.15s;
    }
    @keyframes pulse {
      from {
        stroke-dashoffset: 15;
      }
    }
  }
  @media (max-width: 900px) {
    :host {
      grid-template-columns: minmax(0, 1fr);
      height: auto;
    }
    .drawing {
      max-height: 62dvh;
    }
    .drawing.whole {
      height: 62dvh;
    }
    aside {
      border-left: 0;
      border-top: 1px solid var(--frame);
    }
  }
`
