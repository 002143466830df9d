import type { StructureSection } from "@/features/reader/hooks/masks/useStructureSets";

/** Outlines of structures where a plane through the volume cuts them. */
export function ViewSections({ sections }: { sections: readonly StructureSection[] }) {
  if (sections.length === 0) return null;
  return (
    <svg className="pointer-events-none absolute inset-0 h-full w-full overflow-hidden" data-testid="plane-contours" aria-hidden="true">
      {sections.map(({ roi, path }, index) => (
        <path
          key={index}
          data-testid="contour"
          data-roi={roi.name}
          d={path}
          fill="none"
          stroke={`rgb(${roi.color.join(" ")})`}
          strokeWidth={1.5}
          strokeLinecap="round"
        />
      ))}
    </svg>
  );
}
