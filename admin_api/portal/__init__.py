"""The candidate portal (成绩查询): reads one published release's sealed file, and nothing else."""
