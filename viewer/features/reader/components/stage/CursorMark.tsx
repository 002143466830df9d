/** The place that is pointed at in another viewport. */
export function CursorMark({ place: [x, y] }: { place: readonly [number, number] }) {
  const arms = "M-14 0h9M5 0h9M0 -14v9M0 5v9";
  return (
    <svg aria-hidden="true" data-testid="shared-cursor" data-x={x} data-y={y} className="pointer-events-none absolute inset-0 size-full overflow-hidden">
      <g transform={`translate(${x} ${y})`} fill="none" strokeLinecap="round">
        <path d={arms} stroke="#000" strokeWidth={4} />
        <path d={arms} className="stroke-accent" strokeWidth={1.8} />
      </g>
    </svg>
  );
}
