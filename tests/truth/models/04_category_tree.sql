-- key category_tree: category_id
create table category_tree as
with recursive tree as (
    select category_id, parent_id, label, label as root_label, 0 as depth, [label] as path
    from categories
    where parent_id is null
    union all
    select c.category_id, c.parent_id, c.label, t.root_label, t.depth + 1, list_append(t.path, c.label)
    from categories as c
    join tree as t on c.parent_id = t.category_id
    where t.depth < 8
)
select category_id, label, root_label, depth, array_to_string(path, ' > ') as breadcrumb
from tree;
