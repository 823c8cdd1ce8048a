import { ReportedProgress, type Progress } from '@tessera/contracts';
import type { TrainingProgress } from '@tessera/dual-encoder';
import type { RunningJob } from '@tessera/queue';
import { Value } from 'typebox/value';
import { progressReport } from './progress-report.js';

/** Part of a training that the images' features take; the epochs take the rest. */
const featureShare = 0.5;

/**
 * Reports the progress of a training to the queue. Every epoch is a milestone: it is reported at once, and again with all
 * later progress, also by the next attempt, so that a client that connects late gets all of them.
 */
export function trainingReport(
  job: Pick<RunningJob<unknown>, 'progress' | 'earlierProgress'>,
): (progress: TrainingProgress) => void {
  const milestones = earlierMilestones(job.earlierProgress);
  const reportSometimes = progressReport(job);
  return (progress) => {
    if (progress.stage === 'features') {
      const fraction = featureShare * (progress.done / Math.max(1, progress.total));
      reportSometimes({ stage: 'features', fraction, milestones });
      return;
    }
    const { epoch, epochs, phase, loss, validation_auc: auc } = progress;
    const milestone: Progress = {
      stage: 'epochs',
      fraction: Math.min(1, featureShare + (1 - featureShare) * (epoch / epochs)),
      epoch,
      epochs,
      ...(phase === undefined ? {} : { phase }),
      loss,
      ...(auc === undefined ? {} : { validation_auc: auc }),
    };
    const { fraction } = milestones.at(-1) ?? { fraction: 0 };
    // An attempt that continues from a checkpoint may repeat an epoch.
    if (milestone.fraction <= fraction) return;
    job.progress({ ...milestone, milestones: [...milestones] }).catch(() => undefined);
    milestones.push(milestone);
  };
}

function earlierMilestones(progress: object | null): Progress[] {
  if (!Value.Check(ReportedProgress, progress)) return [];
  const { milestones = [], ...latest } = progress;
  return latest.epoch === undefined ? [...milestones] : [...milestones, latest];
}
