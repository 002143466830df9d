import { Suspense } from "react";
import { StudyList } from "@/components/worklist/StudyList";
import { Waiting } from "@/components/Waiting";

export default function StudiesPage() {
  // What the list shows is read from its address, which a static page does not have.
  return (
    <Suspense fallback={<Waiting text="Opening the study list" />}>
      <StudyList />
    </Suspense>
  );
}
