/** Questions in words: asked once, and waited for where the node goes on working. */
import { dataOf, node } from "@/lib/api";
import type { Answer, AnswerStarted } from "@/lib/types";

const lookEveryMs = 1000;

export async function askAboutStudy(
  study_instance_uid: string,
  question: string,
  signal: AbortSignal,
): Promise<Answer> {
  let answer = await dataOf<Answer | AnswerStarted>(
    node.POST("/api/vqa", { body: { study_instance_uid, question }, signal }),
  );
  while ("answer_url" in answer) {
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    signal.throwIfAborted();
    const params = { path: { job_id: answer.job_id } };
    answer = await dataOf<Answer | AnswerStarted>(
      node.GET("/api/answers/{job_id}", { params, signal }),
    );
  }
  return answer;
}
