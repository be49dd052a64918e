/** How rows of long lists look: those of actors, and those of messages. */

import { css } from 'lit'

export const rowLook = css`
  .row {
    display: flex;
    align-items: center;
    gap: 10px;
    height: 30px;
    padding: 0 16px;
    border-bottom: 1px solid var(--rule);
    white-space: nowrap;
    overflow: hidden;
    cursor: pointer;
    width: 100%;
    max-width: calc(100vw - 2px);
  }
  .row.node {
    background: var(--ground);
  }
  .row.plain {
    cursor: default;
  }
  .row.actor {
    display: grid;
    grid-template-columns: minmax(200px, 3fr) minmax(120px, 2fr) minmax(0, 4fr) 90px;
  }
  .row :is(.who, .states) {
    display: flex;
    align-items: center;
    gap: 6px;
    height: 100%;
    min-width: 0;
    overflow: hidden;
  }
  .row .twist {
    flex: none;
    width: 12px;
    color: var(--faint);
    font-size: 10px;
  }
  .row.stopped .id {
    text-decoration: line-through;
    color: var(--faint);
  }
  .row:not(.plain):hover {
    background: var(--accent-fill);
  }
  .row .id {
    font-weight: 500;
    overflow: hidden;
    text-overflow: ellipsis;
    min-width: 60px;
  }
  .row .badge {
    flex: 0 1 auto;
  }
  .row .of {
    flex: 0 1 auto;
  }
  .row .number {
    margin-left: auto;
    flex: none;
  }
  .indent {
    flex: none;
    width: calc(18px * var(--depth, 4));
    height: 100%;
    background: repeating-linear-gradient(to right, transparent 0 5px, var(--rule) 5px 6px, transparent 6px 18px);
  }
  .indent[data-depth='1'] {
    --depth: 1;
  }
  .indent[data-depth='2'] {
    --depth: 2;
  }
  .indent[data-depth='3'] {
    --depth: 3;
  }
  @media (max-width: 600px) {
    .row.actor {
      grid-template-columns: minmax(0, 1fr) auto;
    }
    .row.actor :is(.of, .number) {
      display: none;
    }
    .row .badge {
      flex: none;
    }
  }
  .message {
    display: block;
    cursor: pointer;
  }
  .message:hover,
  .message.here {
    background: var(--accent-fill);
  }
  .message text {
    font-size: 11.5px;
    fill: var(--text);
  }
  .message .at {
    font-family: var(--mono);
    fill: var(--faint);
  }
  .message .label {
    paint-order: stroke;
    stroke: var(--raised);
    stroke-width: 4px;
    stroke-linejoin: round;
  }
  .message:hover .label,
  .message.here .label {
    stroke: var(--accent-fill);
  }
  .message .label.taken {
    fill: var(--accent);
    font-weight: 600;
  }
  .message .lane {
    stroke: var(--rule);
  }
  .message .arrow {
    stroke: var(--faint);
    fill: none;
  }
  .message .arrow.none {
    stroke-dasharray: 3 3;
  }
  .message .arrow.taken {
    stroke: var(--accent);
  }
  .message .head,
  .message .dot {
    fill: var(--faint);
  }
  .message .head.taken {
    fill: var(--accent);
  }
  .aside {
    --tone: var(--text);
  }
  :is(.aside, .break).fault {
    --tone: var(--busy);
  }
  :is(.aside, .break):is(.broken, .crash, .gap) {
    --tone: var(--bad);
  }
  .message .aside {
    fill: var(--tone);
    font-weight: 600;
  }
  .message .break {
    stroke: var(--tone, var(--text));
    stroke-dasharray: 2 4;
  }
  .row.told {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr);
    grid-template-rows: 1fr 1fr;
    gap: 0 10px;
    height: 46px;
    padding: 4px 12px;
    align-items: center;
  }
  .row.told .taken {
    color: var(--accent);
    font-weight: 600;
  }
  .row.told .aside {
    color: var(--tone);
    font-weight: 600;
  }
  .row.told .way {
    grid-column: 2;
  }
`
